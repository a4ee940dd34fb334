/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* ICMP "unreachable" quotes the packet it answers: that packet's flow was refused. */
#ifndef WEIR_QUOTED_H
#define WEIR_QUOTED_H

#include "maps.h"
#include "packet.h"
#include "shared.h"
#include "transport.h"

#define ICMP_HEADER_BYTES 8

static __always_inline bool quote_ports(struct __sk_buff *skb, struct flow_key *key, bool from_local,
					__u32 offset)
{
	struct port_pair ports;

	if (key->protocol != PROTOCOL_TCP && key->protocol != PROTOCOL_UDP && key->protocol != PROTOCOL_SCTP)
		return false;
	if (LOAD(skb, offset, &ports))
		return false;
	set_ports(key, from_local, ports.source, ports.destination);
	return true;
}

/* The key of the flow that the quoted packet belongs to; `from_local` says where that one came from. */
static __always_inline bool quote(struct __sk_buff *skb, const struct packet *packet, struct flow_key *key,
				  bool from_local)
{
	__u32 offset = packet->transport_offset + ICMP_HEADER_BYTES;

	if (packet->passage.ipv6) {
		struct ipv6hdr ip;

		if (LOAD(skb, offset, &ip) || ip.version != 6)
			return false;
		set_ipv6(source_of(key, from_local), &ip.saddr);
		set_ipv6(destination_of(key, from_local), &ip.daddr);
		key->protocol = ip.nexthdr;
		return quote_ports(skb, key, from_local, offset + sizeof(ip));
	} else {
		struct iphdr ip;

		if (LOAD(skb, offset, &ip) || ip.version != 4 || ip.ihl < 5)
			return false;
		set_ipv4(source_of(key, from_local), ip.saddr);
		set_ipv4(destination_of(key, from_local), ip.daddr);
		key->protocol = ip.protocol;
		return quote_ports(skb, key, from_local, offset + ip.ihl * 4);
	}
}

/* The error goes to the sender of what it quotes: that sender is local where the error comes in. */
static __noinline int mark_refused(struct __sk_buff *skb, const struct packet *packet)
{
	bool from_local = packet->passage.from_local;
	struct flow_key key = {};
	struct flow *flow;
	bool initiator_local;

	key.ifindex = skb->ifindex;
	if (!(from_local ? quote(skb, packet, &key, false) : quote(skb, packet, &key, true)))
		return 0;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || flow->state & STATE_FLAG(WEIR_FLAG_ANSWERED))
		return 0;
	initiator_local = flow->state & STATE_INITIATOR_LOCAL;
	if (initiator_local != from_local) {
		add_state(flow, STATE_FLAG(WEIR_FLAG_REFUSED));
		flow->close_reason = WEIR_CLOSE_UNREACHABLE;
	}
	return 0;
}

#endif
