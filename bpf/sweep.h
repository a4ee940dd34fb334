/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* When a flow is due for a report, and when it is over. */
#ifndef WEIR_SWEEP_H
#define WEIR_SWEEP_H

#include "budget.h"
#include "edges.h"
#include "packet.h"

/*
 * The end of a revoked connection is not seen, whatever it says: forgotten within seconds, it would
 * begin anew as one that is met in the middle.
 */
static __always_inline __u64 idle_timeout_ns(const struct weir_settings *settings,
					     const struct flow_key *key, const struct flow *flow)
{
	switch (key->protocol) {
	case PROTOCOL_TCP:
		if (key->class != CLASS_PORTS)
			return SETTING(settings, other_timeout_ns);
		if (tcp_closed(flow->state) && !flow->judged.revoked)
			return SETTING(settings, tcp_closed_timeout_ns);
		if (flow->state & STATE_FLAG(WEIR_FLAG_ANSWERED))
			return SETTING(settings, tcp_established_timeout_ns);
		return SETTING(settings, tcp_opening_timeout_ns);
	case PROTOCOL_UDP:
		return SETTING(settings, udp_timeout_ns);
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return SETTING(settings, icmp_timeout_ns);
	default:
		return SETTING(settings, other_timeout_ns);
	}
}

/* Another CPU may have stamped `since` after `now` was read. */
static __always_inline bool is_past(__u64 now, __u64 since, __u64 timeout_ns)
{
	return (__s64)(now - since) >= (__s64)timeout_ns;
}

/*
 * Of an interface that wants more entries than its share, what rests is over sooner: it is told, so
 * nothing is lost, and makes room for what is under way.
 */
#define PRESSED_SHIFT 4

static __always_inline bool is_over(const struct weir_settings *settings, const struct flow_key *key,
				    const struct flow *flow, __u64 now)
{
	__u64 timeout_ns = idle_timeout_ns(settings, key, flow);

	if (is_pressed(key->ifindex, now))
		timeout_ns >>= PRESSED_SHIFT;
	return is_past(now, flow->last, timeout_ns);
}

static __always_inline bool is_due(const struct weir_settings *settings, const struct flow *flow, __u64 now)
{
	if (!has_deltas(flow))
		return false;
	return settings->flush || !flow->reported ||
	       is_past(now, flow->reported, SETTING(settings, active_timeout_ns));
}

#endif
