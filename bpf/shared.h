/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What several CPUs change at once in a flow: state bits, and counters that are taken out.
 *
 * Before Linux 5.12 an atomic operation returns nothing. There a lock guards the state, and who takes
 * counters is alone with the flow: it reads one and adds its negative, so that what others add
 * meanwhile stays. Who finds somebody taking leaves all to the sweep, as where the ring is full.
 */
#ifndef WEIR_SHARED_H
#define WEIR_SHARED_H

#include "maps.h"
#include "packet.h"

#ifdef WEIR_BEFORE_5_12

#define STRIPES 256
#define TAKERS_MAX 4096 /* no more at once than CPUs and sweeps */

struct stripe {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STRIPES);
	__type(key, __u32);
	__type(value, struct stripe);
} stripes SEC(".maps");

/* Flows whose counters are being taken out: to make the entry is to have the right. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TAKERS_MAX);
	__type(key, struct flow_key);
	__type(value, __u8);
} takers SEC(".maps");

static __always_inline __u8 new_stripe(void)
{
	return bpf_get_prandom_u32();
}

static __always_inline struct stripe *stripe_of(const struct flow *flow)
{
	__u32 at = flow->stripe % STRIPES;

	return bpf_map_lookup_elem(&stripes, &at);
}

/* Returns the state before. */
static __always_inline __u32 change_state(struct flow *flow, __u32 keep, __u32 set)
{
	struct stripe *stripe = stripe_of(flow);
	__u32 before;

	if (!stripe)
		return set;
	bpf_spin_lock(&stripe->lock);
	before = *(volatile __u32 *)&flow->state;
	*(volatile __u32 *)&flow->state = (before & keep) | set;
	bpf_spin_unlock(&stripe->lock);
	return before;
}

#define set_state_bits(flow, bits) change_state(flow, ~0u, bits)
#define clear_state_bits(flow, bits) change_state(flow, ~(bits), 0)
#define replace_state(flow, state) change_state(flow, 0, state)

/* Moves `total` on; true for the one CPU that did. */
static __always_inline bool move_total(struct flow *flow, __u32 *total, __u32 from, __u32 to)
{
	struct stripe *stripe = stripe_of(flow);
	bool moved;

	if (!stripe)
		return false;
	bpf_spin_lock(&stripe->lock);
	moved = *(volatile __u32 *)total == from;
	if (moved)
		*(volatile __u32 *)total = to;
	bpf_spin_unlock(&stripe->lock);
	return moved;
}

static __always_inline bool begin_taking(const struct flow_key *key)
{
	__u8 taking = 1;

	return !bpf_map_update_elem(&takers, key, &taking, BPF_NOEXIST);
}

static __always_inline void end_taking(const struct flow_key *key)
{
	bpf_map_delete_elem(&takers, key);
}

#define TAKE(counter)                                                                                \
	({                                                                                             \
		typeof(counter) taken_ = *(volatile typeof(counter) *)&(counter);                       \
		__sync_fetch_and_add(&(counter), -taken_);                                              \
		taken_;                                                                                \
	})

#else

#define new_stripe() 0
#define set_state_bits(flow, bits) __sync_fetch_and_or(&(flow)->state, bits)
#define clear_state_bits(flow, bits) __sync_fetch_and_and(&(flow)->state, ~(bits))
#define replace_state(flow, value) __sync_lock_test_and_set(&(flow)->state, value)
#define move_total(flow, total, from, to) (__sync_val_compare_and_swap(total, from, to) == (from))
#define begin_taking(key) true
#define end_taking(key) ((void)(key))
#define TAKE(counter) __sync_lock_test_and_set(&(counter), 0)

#endif

#ifdef WEIR_BEFORE_5_12
static __always_inline struct flow *flow_in_hand(const struct packet *packet)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &packet->passage.key);

	return flow ? flow : bpf_map_lookup_elem(&untracked, &packet->passage.key);
}

/* For global functions: they look for themselves what they cannot be handed. */
#define PASSAGE __u32 in_hand
#define AS_PASSAGE(passage) 0
#define FIND_PASSAGE(passage)                                                                        \
	struct packet *packet_ = packet_at(in_hand);                                                     \
	const struct passage *passage = packet_ ? &packet_->passage : NULL
#define PASSAGE_AND_FLOW __u32 in_hand
#define AS_ARGUMENTS(passage, flow) 0
#define FIND_PASSAGE_AND_FLOW(passage, flow)                                                        \
	FIND_PASSAGE(passage);                                                                         \
	struct flow *flow = packet_ ? flow_in_hand(packet_) : NULL
#else
#define PASSAGE const struct passage *passage
#define AS_PASSAGE(passage) passage
#define FIND_PASSAGE(passage)
#define PASSAGE_AND_FLOW const struct passage *passage, struct flow *flow
#define AS_ARGUMENTS(passage, flow) passage, flow
#define FIND_PASSAGE_AND_FLOW(passage, flow)
#endif

/* Reads and writes state bits of a flow that another CPU may be changing. */
static __always_inline void add_state(struct flow *flow, __u32 bits)
{
	if ((flow->state & bits) != bits)
		set_state_bits(flow, bits);
}

#endif
