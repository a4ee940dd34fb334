/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* A connection gets its entry, or is followed without one where it may have none. */
#ifndef WEIR_ENTRY_H
#define WEIR_ENTRY_H

#include "conntrack.h"

static __always_inline struct flow *fresh_flow(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fresh_flows, &zero);
}

/* Makes the entry of `flows`; NULL where the map is full. */
static __noinline struct flow *track(const struct flow_key *key, const struct flow *fresh)
{
	/* Where it is not made, another CPU was here before or the map is full. */
	if (!bpf_map_update_elem(&flows, key, fresh, BPF_NOEXIST))
		count_live(key->ifindex, 1);
	return bpf_map_lookup_elem(&flows, key);
}

/* The verdict stands and replies are known for replies, but packets are counted as untracked. */
static __noinline struct flow *follow_untracked(const struct flow_key *key, struct flow *fresh, __u32 cause)
{
	struct weir_odometer *odometer = odometer_of(key->ifindex);
	struct flow_use *all = all_flows();

	count_drop(cause);
	if (odometer)
		odometer->untracked_connections++;
	if (all)
		__sync_fetch_and_add(&all->untracked, 1);
	fresh->state |= STATE_UNTRACKED;
	bpf_map_update_elem(&untracked, key, fresh, BPF_ANY);
	return bpf_map_lookup_elem(&untracked, key);
}

/* Makes the entry of a connection that is seen for the first time; NULL where no map has room. */
static __noinline struct flow *open_flow(const struct passage *passage, const struct judgement *judgement,
					 __u32 state)
{
	const struct flow_key *key = &passage->key;
	struct flow *fresh = fresh_flow();
	struct flow *flow;

	if (!fresh)
		return NULL;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->first = bpf_ktime_get_ns();
	fresh->last = fresh->first;
	fresh->connections = 1;
	fresh->state = state;
	fresh->stripe = new_stripe();
	set_judgement(fresh, judgement, passage->epoch, false);
	if (!has_share(key->ifindex))
		return follow_untracked(key, fresh, WEIR_DROP_FLOW_SHARE);
	flow = track(key, fresh);
	if (flow)
		return flow;
	refuse(key->ifindex);
	return follow_untracked(key, fresh, WEIR_DROP_MAP_FULL);
}

/* A connection that was given no entry gets one as soon as there is room: what follows is tracked. */
static __noinline struct flow *untracked_flow(const struct flow_key *key)
{
	struct flow_use *all = all_flows();
	struct flow *fresh = fresh_flow();
	struct flow *known, *flow;

	/* Nobody pays for the look-up before there ever was one. */
	if (!all || !all->untracked)
		return NULL;
	known = bpf_map_lookup_elem(&untracked, key);
	if (!known || !fresh || !has_share(key->ifindex))
		return known;
	*fresh = *known;
	fresh->state &= ~STATE_UNTRACKED;
	fresh->reported = 0;
	fresh->packets = 0;
	fresh->bytes = 0;
	fresh->reply_packets = 0;
	fresh->reply_bytes = 0;
	fresh->retransmits = 0;
	fresh->connections = 1;
	flow = track(key, fresh);
	if (!flow)
		return known;
	bpf_map_delete_elem(&untracked, key);
	return flow;
}

#endif
