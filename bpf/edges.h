/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Records leave here: edges of a connection's life on the ring, the rest by the sweep. */
#ifndef WEIR_EDGES_H
#define WEIR_EDGES_H

#include "budget.h"
#include "kernel.h"
#include "odometer.h"
#include "shared.h"

static __always_inline bool has_deltas(const struct flow *flow)
{
	return flow->packets || flow->reply_packets;
}

/*
 * A connection that was answered and has been silent ever since its last record ends with one more,
 * without numbers, idle or replaced: nothing else would tell that it is over. Of other protocols that
 * is every exchange, and says nothing.
 */
static __always_inline bool is_worth_an_end(const struct flow_key *key, const struct flow *flow)
{
	return key->protocol == PROTOCOL_TCP && key->class == CLASS_PORTS && !tcp_closed(flow->state) &&
	       (flow->state & STATE_FLAG(WEIR_FLAG_ANSWERED)) && flow->judged.verdict != WEIR_DENIED;
}

static __always_inline void describe(struct weir_flow_record *record, const struct flow_key *key,
				     const struct flow *flow, __u8 kind, __u64 now)
{
	__u32 state = flow->state;
	bool initiator_local = state & STATE_INITIATOR_LOCAL;

	record->time = now;
	record->first = flow->first;
	/* The latest packet is stamped with the tick that began before it. */
	record->last = flow->last > flow->first ? flow->last : flow->first;
	record->sequence = 0;
	record->ifindex = key->ifindex;
	record->generation = flow->generation;
	record->rule = flow->rule;
	if (initiator_local) {
		__builtin_memcpy(record->src_addr, &key->local, 16);
		__builtin_memcpy(record->dst_addr, &key->remote, 16);
		record->src_port = key->local_port;
		record->dst_port = key->remote_port;
	} else {
		__builtin_memcpy(record->src_addr, &key->remote, 16);
		__builtin_memcpy(record->dst_addr, &key->local, 16);
		record->src_port = key->remote_port;
		record->dst_port = key->local_port;
	}
	record->cpu = bpf_get_smp_processor_id();
	record->protocol = key->protocol;
	record->direction = initiator_local ? WEIR_EGRESS : WEIR_INGRESS;
	record->verdict = flow->judged.verdict;
	record->reason = flow->judged.reason;
	record->kind = kind;
	record->flags = (state >> STATE_FLAGS_SHIFT) & STATE_FLAGS_MASK;
	record->tcp_flags = state;
	record->reply_tcp_flags = state >> STATE_REPLY_TCP_SHIFT;
	record->process = flow->process;
	record->handshake_rtt_us = state & STATE_SHOOK ? flow->handshake_rtt_us : 0;
	record->srtt_us = flow->srtt_us;
	record->first_byte_us = state & STATE_ANSWER_TIMED ? flow->first_byte_us : 0;
	record->dns = 0;
	/* Unreachable, and answered all the same later: not what ended it. */
	record->close_reason = flow->close_reason == WEIR_CLOSE_UNREACHABLE &&
					       state & STATE_FLAG(WEIR_FLAG_ANSWERED) ?
				       WEIR_CLOSE_NONE :
				       flow->close_reason;
}

/* Between begin_taking and end_taking: the counters are the record's from here on, and nobody else's. */
static __always_inline void take_deltas(struct weir_flow_record *record, struct flow *flow)
{
	__u32 connections;

	record->packets = TAKE(flow->packets);
	record->bytes = TAKE(flow->bytes);
	record->reply_packets = TAKE(flow->reply_packets);
	record->reply_bytes = TAKE(flow->reply_bytes);
	record->retransmits = TAKE(flow->retransmits);
	connections = TAKE(flow->connections);
	/* A record counts up to 255; the rest goes with the next one. */
	if (connections > 255) {
		__sync_fetch_and_add(&flow->connections, connections - 255);
		connections = 255;
	}
	record->connections = connections;
}

static __always_inline void give_back_deltas(const struct weir_flow_record *record, struct flow *flow)
{
	__sync_fetch_and_add(&flow->packets, record->packets);
	__sync_fetch_and_add(&flow->bytes, record->bytes);
	__sync_fetch_and_add(&flow->reply_packets, record->reply_packets);
	__sync_fetch_and_add(&flow->reply_bytes, record->reply_bytes);
	__sync_fetch_and_add(&flow->retransmits, record->retransmits);
	__sync_fetch_and_add(&flow->connections, record->connections);
}

static __always_inline __u64 next_sequence(void)
{
	__u32 zero = 0;
	__u64 *sequence = bpf_map_lookup_elem(&sequences, &zero);

	return sequence ? ++*sequence : 0;
}

__noinline int count_late(__u32 ifindex, __u32 cause)
{
	struct weir_odometer *odometer = odometer_of(ifindex);

	count_drop(cause);
	if (odometer)
		odometer->late_edges++;
	return 0;
}

/*
 * Puts an edge on the ring. Where there is no room, or no budget for it, the deltas stay for the sweep
 * and 0 comes back. What another policy changed costs nothing: policies change seldom, and deltas that
 * stay are told under the new verdict.
 */
#define EDGE_FREE 0x100

__noinline int emit(PASSAGE_AND_FLOW, __u32 kind)
{
	FIND_PASSAGE_AND_FLOW(passage, flow);
	const struct flow_key *key;
	struct weir_flow_record *record;
	__u64 now = bpf_ktime_get_ns();

	if (!passage || !flow || flow->state & STATE_UNTRACKED)
		return 1;
	key = &passage->key;
	if (!(kind & EDGE_FREE) && !pay_edge(key->ifindex, now))
		return count_late(key->ifindex, WEIR_DROP_EDGE_BUDGET);
	if (!begin_taking(key))
		return count_late(key->ifindex, WEIR_DROP_EDGE_TAKEN);
	record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record) {
		end_taking(key);
		return count_late(key->ifindex, WEIR_DROP_RING_FULL);
	}
	describe(record, key, flow, kind, now);
	take_deltas(record, flow);
	end_taking(key);
	flow->reported = now;
	record->sequence = next_sequence();
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 1;
}

/* As emit, where the packet in hand is the latest one. */
static __always_inline void emit_packet(const struct passage *passage, struct flow *flow, __u32 kind)
{
	flow->last = bpf_ktime_get_ns();
	emit(AS_ARGUMENTS(passage, flow), kind);
}

#endif
