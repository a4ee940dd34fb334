/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Every map, with its bound. All of them are pinned by the collector and outlive it. */
#ifndef WEIR_MAPS_H
#define WEIR_MAPS_H

#include "flow.h"

#define FLOWS_DEFAULT_MAX 65536
#define UNTRACKED_DEFAULT_MAX 16384
#define FRAGMENTS_MAX 8192
#define ENDPOINTS_MAX 4096
#define ODOMETER_SLOTS 4096 /* a power of two: the low bits of an interface's number are its place */
#define LOCAL_ADDRESSES_MAX 16384
#define PROCESSES_MAX 16384
#define RING_DEFAULT_BYTES (4 << 20)
#define JOURNAL_PAGE_BYTES 4096

/*
 * One entry per connection and interface. No LRU: nothing goes before it was told. The collector sets
 * the size before loading.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_DEFAULT_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/*
 * Connections that were given no entry (budget.h): what was said and judged is remembered here as long
 * as there is room, their packets are counted as untracked. The collector sets the size before loading.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNTRACKED_DEFAULT_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} untracked SEC(".maps");

/* Where an entry is made up before it goes into a map: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow);
} fresh_flows SEC(".maps");

/* What all interfaces have of `flows`. */
struct flow_use {
	__s64 live;
	__u64 refused; /* when an interface was last refused an entry */
	__u64 untracked; /* connections in `untracked`, ever */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_use);
} flow_use SEC(".maps");

/* What one interface has of what all share. */
struct budget {
	__s64 live; /* entries of `flows` */
	__u64 refused;
	__u64 paid_until; /* the edges it has told are paid for up to this time */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

/* First fragments seen, so that later ones find their ports. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTS_MAX);
	__type(key, struct fragment_key);
	__type(value, struct fragment);
} fragments SEC(".maps");

/* Edges of connections' lives. The collector sets the size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_DEFAULT_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sequences SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_DROP_MAX);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

/* An odometer and the interface it belongs to; 0: the slot is free. */
struct odometer_slot {
	struct weir_odometer odometer;
	__u64 ifindex;
};

/* Where odometers are: found without hashing, a fifth of what a packet costs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ODOMETER_SLOTS);
	__type(key, __u32);
	__type(value, struct odometer_slot);
} odometer_slots SEC(".maps");

/* The odometers of interfaces whose slot is another's. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct weir_odometer);
} odometers SEC(".maps");

/* Pods of this node that weir wired itself: a packet for them may take the short way. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LOCAL_ADDRESSES_MAX);
	__type(key, union address);
	__type(value, __u32);
} local_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_redirect);
} redirect SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct weir_endpoint);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_settings);
} settings SEC(".maps");

/* Whose a socket is; goes with the socket, and an accepted one begins with its listener's. */
struct socket_owner {
	__u64 process; /* weir_process_key */
	__u64 socket;  /* cookie of the socket that the note was made for */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_owner);
} socket_owners SEC(".maps");

/* Those that made the latest sockets. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PROCESSES_MAX);
	__type(key, __u64);
	__type(value, struct weir_process);
} processes SEC(".maps");

/* The number of the last block of flows that a collector made: the next one counts on from it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} blocks SEC(".maps");

/*
 * What a collector has taken and not put on disk yet, so that its death loses nothing. No program
 * uses it; the collector sets the size, and apps/collector/src/journal.ts says what is where.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, JOURNAL_PAGE_BYTES);
} journal SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_policy_epoch);
} policy_epoch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct weir_policy_state);
} policy_state SEC(".maps");

/* A pair of each, for the slots; the collector makes them, sizes here are only templates. */
struct identity_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct weir_identity_key);
	__type(value, __u32);
};

struct rule_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct weir_rule_key);
	__type(value, struct weir_rule);
};

struct endpoint_policy_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_endpoint_policy);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct identity_trie);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct rule_trie);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct endpoint_policy_map);
} endpoint_policies SEC(".maps");

static __always_inline void count_drop(__u32 cause)
{
	__u64 *count = bpf_map_lookup_elem(&drops, &cause);

	if (count)
		(*count)++;
}

#endif
