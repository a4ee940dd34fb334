/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Totals that nothing evicts: what flows report must add up to them (wire.h says how). */
#ifndef WEIR_ODOMETER_H
#define WEIR_ODOMETER_H

#include "maps.h"
#include "packet.h"

/* Not on the stack: calls are seven deep here, and have 512 bytes together (before Linux 6.12). */
static const struct weir_odometer unused_odometer = {};

/* The collector makes it before attaching; a packet that is earlier still counts. */
static __noinline struct weir_odometer *spilled_odometer(__u32 ifindex)
{
	struct weir_odometer *odometer = bpf_map_lookup_elem(&odometers, &ifindex);

	if (odometer)
		return odometer;
	bpf_map_update_elem(&odometers, &ifindex, &unused_odometer, BPF_NOEXIST);
	return bpf_map_lookup_elem(&odometers, &ifindex);
}

static __always_inline struct weir_odometer *odometer_of(__u32 ifindex)
{
	__u32 at = ifindex % ODOMETER_SLOTS;
	struct odometer_slot *slot = bpf_map_lookup_elem(&odometer_slots, &at);

	return slot && slot->ifindex == ifindex ? &slot->odometer : spilled_odometer(ifindex);
}

static __always_inline void count_passage(struct weir_odometer *odometer, const struct passage *passage)
{
	if (passage->from_local) {
		odometer->from_packets += passage->packets;
		odometer->from_bytes += passage->bytes;
	} else {
		odometer->to_packets += passage->packets;
		odometer->to_bytes += passage->bytes;
	}
}

#endif
