/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Counts packets and puts a record of each on a ring: what the tests of maps, rings and links need. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

struct nested {
	__u16 port;
	__u8 address[16];
};

enum color { RED = 1, GREEN = 2 };

struct packet_key {
	__u32 ifindex;
	__u8 direction;
	__u8 pad[3];
};

struct packet_count {
	__u64 packets;
	__u64 bytes;
	struct nested last;
	__s32 balance;
	enum color color;
	__u32 low : 3;
	__u32 high : 7;
	bool flag;
	__u16 ports[3];
};

struct packet_record {
	__u64 sequence;
	__u32 length;
	__u32 mark;
};

const volatile __u64 limit_ns = 7;
const volatile __u32 mark = 1;
const volatile __u8 tag[4] = {1, 2, 3, 4};
const volatile bool emit = true;
const volatile __s16 offset = -1;

__u64 sequence;
__u32 written = 5;
char label[8] = "abc";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct packet_key);
	__type(value, struct packet_count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} slots SEC(".maps");

static void record(__u32 length, __u64 discard)
{
	struct packet_record *at = bpf_ringbuf_reserve(&records, sizeof(*at), 0);

	if (!at)
		return;
	at->sequence = __sync_fetch_and_add(&sequence, 1);
	at->length = length;
	at->mark = mark;
	if (discard)
		bpf_ringbuf_discard(at, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_submit(at, BPF_RB_NO_WAKEUP);
}

static void count(struct __sk_buff *skb, __u8 direction)
{
	struct packet_key key = {.ifindex = skb->ifindex, .direction = direction};
	struct packet_count fresh = {.packets = 1, .bytes = skb->len}, *known;
	__u32 zero = 0;
	__u64 *total;

	known = bpf_map_lookup_elem(&counts, &key);
	if (known) {
		__sync_fetch_and_add(&known->packets, 1);
		__sync_fetch_and_add(&known->bytes, skb->len);
	} else {
		bpf_map_update_elem(&counts, &key, &fresh, BPF_ANY);
	}
	total = bpf_map_lookup_elem(&totals, &zero);
	if (total)
		(*total)++;
	if (emit)
		record(skb->len, 0);
}

SEC("tc")
int count_ingress(struct __sk_buff *skb)
{
	count(skb, 1);
	return -1;
}

SEC("tc")
int count_egress(struct __sk_buff *skb)
{
	count(skb, 2);
	return -1;
}

SEC("tc")
int drop_all(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("tc")
int pass_all(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

/* Returns what the inner map of the slot in the packet's first byte has under the second. */
SEC("tc")
int read_slot(struct __sk_buff *skb)
{
	__u8 bytes[2] = {};
	__u32 slot, key;
	void *inner;
	__u64 *value;

	bpf_skb_load_bytes(skb, 0, bytes, sizeof(bytes));
	slot = bytes[0];
	key = bytes[1];
	inner = bpf_map_lookup_elem(&slots, &slot);
	if (!inner)
		return 1000;
	value = bpf_map_lookup_elem(inner, &key);
	return value ? *value : 1001;
}

/* One record of mixed length; a packet that starts with 0xff is discarded. */
SEC("tc")
int produce(struct __sk_buff *skb)
{
	__u8 first = 0;

	bpf_skb_load_bytes(skb, 0, &first, sizeof(first));
	record(skb->len, first == 0xff);
	return 0;
}

SEC("tc")
int produce_odd(struct __sk_buff *skb)
{
	__u8 small[5] = {1, 2, 3, 4, 5};
	__u8 large[100] = {9};

	bpf_ringbuf_output(&records, small, sizeof(small), BPF_RB_NO_WAKEUP);
	bpf_ringbuf_output(&records, large, sizeof(large), BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tc")
int read_settings(struct __sk_buff *skb)
{
	return limit_ns + mark + tag[3] + (emit ? 100 : 0) + offset + written;
}

char _license[] SEC("license") = "Dual BSD/GPL";
