/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Totals that nothing evicts: what flows report must add up to them (wire.h says how). */
#ifndef WEIR_ODOMETER_H
#define WEIR_ODOMETER_H

#include "maps.h"
#include "packet.h"

static __always_inline struct weir_odometer *odometer_of(__u32 ifindex)
{
	struct weir_odometer *odometer = bpf_map_lookup_elem(&odometers, &ifindex);
	struct weir_odometer fresh = {};

	if (odometer)
		return odometer;
	/* The collector makes it before attaching; a packet that is earlier still counts. */
	bpf_map_update_elem(&odometers, &ifindex, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&odometers, &ifindex);
}

static __always_inline void count_passage(struct weir_odometer *odometer, const struct packet *packet,
					  bool from_local)
{
	if (from_local) {
		odometer->from_packets += packet->packets;
		odometer->from_bytes += packet->bytes;
	} else {
		odometer->to_packets += packet->packets;
		odometer->to_bytes += packet->bytes;
	}
}

#endif
