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

static __noinline int resolve_fragment(struct packet *packet)
{
	struct flow_key *flow = &packet->passage.key;
	bool from_local = packet->passage.from_local;
	__u64 now = packet->passage.now;
	struct fragment_key key = {};
	struct fragment *known;

	key.local = flow->local;
	key.remote = flow->remote;
	key.ifindex = flow->ifindex;
	key.id = packet->fragment_id;
	key.protocol = packet->passage.ipv6 ? 0 : flow->protocol;
	key.from_local = from_local;
	if (!packet->later_fragment) {
		struct fragment fragment = {
			.time = now,
			.local_port = flow->local_port,
			.remote_port = flow->remote_port,
			.protocol = flow->protocol,
			.class = flow->class,
		};

		if (bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY))
			count_drop(WEIR_DROP_FRAGMENT_MAP);
		return 0;
	}
	known = bpf_map_lookup_elem(&fragments, &key);
	if (known && now - known->time < FRAGMENT_TIMEOUT_NS) {
		flow->local_port = known->local_port;
		flow->remote_port = known->remote_port;
		flow->protocol = known->protocol;
		flow->class = known->class;
	} else if (packet->passage.ipv6 || has_ports(flow->protocol)) {
		flow->class = CLASS_LOST_FRAGMENT;
	}
	return 0;
}

#endif
