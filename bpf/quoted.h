/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* ICMP "unreachable" quotes the packet it answers: that packet's flow was refused. */
#ifndef WEIR_QUOTED_H
#define WEIR_QUOTED_H

#include "maps.h"
#include "packet.h"
#include "transport.h"

#define ICMP_HEADER_BYTES 8

static __always_inline bool quote_ports(struct __sk_buff *skb, struct packet *quoted, __u32 offset)
{
	struct port_pair ports;

	if (quoted->protocol != PROTOCOL_TCP && quoted->protocol != PROTOCOL_UDP &&
	    quoted->protocol != PROTOCOL_SCTP)
		return false;
	if (LOAD(skb, offset, &ports))
		return false;
	quoted->source_port = bpf_ntohs(ports.source);
	quoted->destination_port = bpf_ntohs(ports.destination);
	return true;
}

static __always_inline bool quote(struct __sk_buff *skb, const struct packet *packet, struct packet *quoted)
{
	__u32 offset = packet->transport_offset + ICMP_HEADER_BYTES;

	if (packet->ipv6) {
		struct ipv6hdr ip;

		if (LOAD(skb, offset, &ip) || ip.version != 6)
			return false;
		set_ipv6(&quoted->source, &ip.saddr);
		set_ipv6(&quoted->destination, &ip.daddr);
		quoted->protocol = ip.nexthdr;
		return quote_ports(skb, quoted, offset + sizeof(ip));
	} else {
		struct iphdr ip;

		if (LOAD(skb, offset, &ip) || ip.version != 4 || ip.ihl < 5)
			return false;
		set_ipv4(&quoted->source, ip.saddr);
		set_ipv4(&quoted->destination, ip.daddr);
		quoted->protocol = ip.protocol;
		return quote_ports(skb, quoted, offset + ip.ihl * 4);
	}
}

/* The error goes to the sender of what it quotes: that sender is local where the error comes in. */
static __noinline int mark_refused(struct __sk_buff *skb, const struct packet *packet, bool from_local)
{
	struct packet quoted = {};
	struct flow_key key = {};
	struct flow *flow;
	bool initiator_local;

	if (!quote(skb, packet, &quoted))
		return 0;
	key.ifindex = skb->ifindex;
	key.protocol = quoted.protocol;
	if (from_local) {
		key.local = quoted.destination;
		key.remote = quoted.source;
		key.local_port = quoted.destination_port;
		key.remote_port = quoted.source_port;
	} else {
		key.local = quoted.source;
		key.remote = quoted.destination;
		key.local_port = quoted.source_port;
		key.remote_port = quoted.destination_port;
	}
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || flow->state & STATE_FLAG(WEIR_FLAG_ANSWERED))
		return 0;
	initiator_local = flow->state & STATE_INITIATOR_LOCAL;
	if (initiator_local != from_local)
		add_state(flow, STATE_FLAG(WEIR_FLAG_REFUSED));
	return 0;
}

#endif
