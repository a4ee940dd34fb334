/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * DNS answers on their way to a workload that asked, copied for the collector, which reads names from
 * them. Nothing is parsed here and no verdict depends on it. Where `keep_answers` is 0 the verifier
 * takes all of it out of the loaded programs.
 *
 * UDP only, and no fragments: an answer that does not fit a packet is asked for again over TCP, and
 * its names are not learned.
 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#include "conntrack.h"
#include "transport.h"

#define DNS_PORT 53
#define DNS_HEADER_BYTES 12
#define ANSWERS_DEFAULT_BYTES (256 << 10)

/* Set by the collector before loading. An interface may have an answer each interval, and a burst. */
const volatile __u32 keep_answers = 0;
const volatile __u64 answer_interval_ns = 0; /* 0: as many as there are */
const volatile __u64 answer_burst_ns = 0;

/* The collector sets the size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ANSWERS_DEFAULT_BYTES);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_ANSWERS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} answer_counts SEC(".maps");

/* Until when each interface has spent its intervals. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} answer_budgets SEC(".maps");

/* The length of a record in the ring has to be a constant; that of a copy has not. */
struct answer_copy {
	struct weir_answer answer;
	__u8 message[WEIR_ANSWER_BYTES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer_copy);
} answer_copies SEC(".maps");

static __always_inline void count_answer(__u32 what)
{
	__u64 *count = bpf_map_lookup_elem(&answer_counts, &what);

	if (count)
		(*count)++;
}

/* A token bucket, so that none fills the ring for all. CPUs that pay at once may pay once for two. */
static __always_inline bool pay_answer(__u32 ifindex, __u64 now)
{
	__u64 *spent = bpf_map_lookup_elem(&answer_budgets, &ifindex);
	__u64 debt_ns, until;

	if (!answer_interval_ns)
		return true;
	if (!spent) {
		until = now + answer_interval_ns;
		bpf_map_update_elem(&answer_budgets, &ifindex, &until, BPF_NOEXIST);
		return true;
	}
	until = *(volatile __u64 *)spent;
	debt_ns = until > now ? until - now : 0;
	if (debt_ns + answer_interval_ns > answer_burst_ns)
		return false;
	*(volatile __u64 *)spent = now + debt_ns + answer_interval_ns;
	return true;
}

/* A global function: the verifier looks at it once. `offset`: of the DNS message in the packet. */
__noinline int keep_answer(struct __sk_buff *skb, __u32 ifindex, __u32 offset, __u32 bytes)
{
	struct answer_copy *copy;
	__u64 length = bytes;
	__u64 now = bpf_ktime_get_ns();
	__u32 zero = 0;

	if (!pay_answer(ifindex, now)) {
		count_answer(WEIR_ANSWERS_OVER_BUDGET);
		return 0;
	}
	copy = bpf_map_lookup_elem(&answer_copies, &zero);
	if (!copy)
		return 0;
	/* The bound that was compared is the one that the verifier has to see used; 5.10 loses that of a half. */
	barrier_var(length);
	if (length < DNS_HEADER_BYTES || length > WEIR_ANSWER_BYTES_MAX ||
	    bpf_skb_load_bytes(skb, offset, copy->message, length)) {
		count_answer(WEIR_ANSWERS_UNFIT);
		return 0;
	}
	copy->answer.time = now;
	copy->answer.ifindex = ifindex;
	copy->answer.bytes = length;
	if (bpf_ringbuf_output(&answers, copy, sizeof(copy->answer) + length, BPF_RB_NO_WAKEUP))
		count_answer(WEIR_ANSWERS_RING_FULL);
	else
		count_answer(WEIR_ANSWERS_KEPT);
	return 0;
}

/* Of packets that are let through to the workload. An answer that nobody asked for teaches nothing. */
static __always_inline void learn_answer(struct __sk_buff *skb, const struct passage *passage,
					 const struct flow *flow, __u32 transport_offset)
{
	const struct flow_key *key = &passage->key;

	if (!keep_answers || key->remote_port != DNS_PORT || key->protocol != PROTOCOL_UDP)
		return;
	if (passage->fragment || !flow || !(flow->state & STATE_INITIATOR_LOCAL))
		return;
	keep_answer(skb, key->ifindex, transport_offset + UDP_HEADER_BYTES, passage->payload_bytes);
}

#endif
