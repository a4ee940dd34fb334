/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What one interface may take of what all share, entries of the flow map and room in the ring, so
 * that a workload that makes connections without end takes nothing from the others.
 */
#ifndef WEIR_BUDGET_H
#define WEIR_BUDGET_H

#include "settings.h"

/* An interface that was refused an entry this long ago still wants more than its share. */
#define PRESSED_NS (2 * SECOND_NS)

static __always_inline struct flow_use *all_flows(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_use, &zero);
}

/* Here, for the stack is short. */
static const volatile struct budget unspent = {};

static __noinline struct budget *budget_of(__u32 ifindex)
{
	struct budget *budget = bpf_map_lookup_elem(&budgets, &ifindex);

	if (budget)
		return budget;
	bpf_map_update_elem(&budgets, &ifindex, (const void *)&unspent, BPF_NOEXIST);
	return bpf_map_lookup_elem(&budgets, &ifindex);
}

/* It wants an entry that it cannot have. */
__noinline int refuse(__u32 ifindex)
{
	struct flow_use *all = all_flows();
	struct budget *budget = budget_of(ifindex);
	__u64 now = bpf_ktime_get_ns();

	if (all)
		all->refused = now;
	if (budget)
		budget->refused = now;
	return 0;
}

/*
 * An interface may have `flows_share` times as many entries as are free. Alone it gets nearly all; the
 * more there are that want many, the less each gets, and something is always left for the others.
 */
__noinline int has_share(__u32 ifindex)
{
	struct weir_settings *tuned = current_settings();
	struct flow_use *all = all_flows();
	struct budget *budget = budget_of(ifindex);
	__s64 free;

	if (!tuned || !tuned->flows_max || !all || !budget)
		return true;
	free = (__s64)tuned->flows_max - all->live;
	if (budget->live < free * SETTING(tuned, flows_share))
		return true;
	refuse(ifindex);
	return false;
}

/* An entry of `flows` was made (1) or is gone (-1). */
__noinline int count_live(__u32 ifindex, __s64 change)
{
	struct flow_use *all = all_flows();
	struct budget *budget = change > 0 ? budget_of(ifindex) : bpf_map_lookup_elem(&budgets, &ifindex);

	if (all)
		__sync_fetch_and_add(&all->live, change);
	if (budget)
		__sync_fetch_and_add(&budget->live, change);
	count_drop(change > 0 ? WEIR_DROP_FLOWS_CREATED : WEIR_DROP_FLOWS_DELETED);
	return 0;
}

/* Does the interface want more entries than it may have? */
static __always_inline bool is_pressed(__u32 ifindex, __u64 now)
{
	struct flow_use *all = all_flows();
	struct budget *budget;

	if (!all || !all->refused || now > all->refused + PRESSED_NS)
		return false;
	budget = bpf_map_lookup_elem(&budgets, &ifindex);
	return budget && budget->refused && now <= budget->refused + PRESSED_NS;
}

static __always_inline bool is_ring_half_full(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >
	       bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 2;
}

/*
 * A token bucket: an edge costs an interval, and the debt must not exceed the burst. The second half of
 * the ring is for interfaces that have spent less than half of theirs. CPUs that pay at once may pay
 * once for two.
 */
__noinline int pay_edge(__u32 ifindex, __u64 now)
{
	struct weir_settings *tuned = current_settings();
	struct budget *budget = budget_of(ifindex);
	__u64 interval_ns, burst_ns, debt_ns;

	if (!tuned || !budget)
		return true;
	interval_ns = SETTING(tuned, edge_interval_ns);
	burst_ns = SETTING(tuned, edge_burst_ns);
	debt_ns = *(volatile __u64 *)&budget->paid_until;
	debt_ns = debt_ns > now ? debt_ns - now : 0;
	if (debt_ns + interval_ns > burst_ns || (debt_ns > burst_ns / 2 && is_ring_half_full()))
		return false;
	*(volatile __u64 *)&budget->paid_until = now + debt_ns + interval_ns;
	return true;
}

#endif
