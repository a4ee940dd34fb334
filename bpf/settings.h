/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What the collector may set, and what holds where it did not. */
#ifndef WEIR_SETTINGS_H
#define WEIR_SETTINGS_H

#include "maps.h"

#define SECOND_NS 1000000000ull

static const struct weir_settings default_settings = {
	.active_timeout_ns = 10 * SECOND_NS,
	.tcp_opening_timeout_ns = 60 * SECOND_NS,
	.tcp_established_timeout_ns = 7500 * SECOND_NS,
	.tcp_closed_timeout_ns = 2 * SECOND_NS,
	.udp_timeout_ns = 60 * SECOND_NS,
	.icmp_timeout_ns = 30 * SECOND_NS,
	.other_timeout_ns = 600 * SECOND_NS,
	.edge_interval_ns = SECOND_NS / 100000,
	.edge_burst_ns = SECOND_NS / 50,
	.flows_share = 4,
};

#define SETTING(settings, field) ((settings)->field ? (settings)->field : default_settings.field)

static __always_inline struct weir_settings *current_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

#endif
