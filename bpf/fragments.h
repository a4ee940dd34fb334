/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Later fragments carry no ports: the first one leaves them here. */
#ifndef WEIR_FRAGMENTS_H
#define WEIR_FRAGMENTS_H

#include "maps.h"
#include "packet.h"

/* As long as a receiver waits for the rest (RFC 791, RFC 8200: 60 s at most; Linux: 30 s). */
#define FRAGMENT_TIMEOUT_NS (30ull * 1000 * 1000 * 1000)

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
	       protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

static __noinline int resolve_fragment(struct packet *packet, __u32 ifindex, __u64 now)
{
	struct fragment_key key = {};
	struct fragment *known;

	key.source = packet->source;
	key.destination = packet->destination;
	key.ifindex = ifindex;
	key.id = packet->fragment_id;
	key.protocol = packet->ipv6 ? 0 : packet->protocol;
	if (!packet->later_fragment) {
		struct fragment fragment = {
			.time = now,
			.source_port = packet->source_port,
			.destination_port = packet->destination_port,
			.protocol = packet->protocol,
			.class = packet->class,
		};

		if (bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY))
			count_drop(WEIR_DROP_FRAGMENT_MAP);
		return 0;
	}
	known = bpf_map_lookup_elem(&fragments, &key);
	if (known && now - known->time < FRAGMENT_TIMEOUT_NS) {
		packet->source_port = known->source_port;
		packet->destination_port = known->destination_port;
		packet->protocol = known->protocol;
		packet->class = known->class;
	} else if (packet->ipv6 || has_ports(packet->protocol)) {
		packet->class = CLASS_LOST_FRAGMENT;
	}
	return 0;
}

#endif
