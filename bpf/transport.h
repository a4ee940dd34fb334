/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* TCP, UDP, SCTP, ICMP and ICMPv6: ports, flags and the class a packet is judged as. */
#ifndef WEIR_TRANSPORT_H
#define WEIR_TRANSPORT_H

#include "packet.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

#define ICMPV6_UNREACHABLE 1
#define ICMPV6_FIRST_INFORMATIONAL 128
#define ICMPV6_ECHO_REQUEST_TYPE 128
#define ICMPV6_ECHO_REPLY_TYPE 129
#define ICMPV6_FIRST_SIGNAL 130 /* MLD 130-132, neighbour discovery 133-137 */
#define ICMPV6_LAST_SIGNAL 137
#define ICMPV6_MLD2_REPORT_TYPE 143

#define TCP_HEADER_BYTES 20
#define UDP_HEADER_BYTES 8
#define SCTP_HEADER_BYTES 12

struct tcp_start {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 offset; /* high 4 bits, in words */
	__u8 flags;
};

struct port_pair {
	__be16 source;
	__be16 destination;
};

struct icmp_start {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id;
	__be16 sequence;
};

static __always_inline void finish_transport(struct packet *packet, __u32 header_bytes)
{
	packet->header_bytes = packet->transport_offset - packet->network_offset + header_bytes;
	packet->passage.payload_bytes = packet->end_offset - packet->transport_offset - header_bytes;
}

static __always_inline enum parsed parse_tcp(struct __sk_buff *skb, struct packet *packet, bool from_local,
					     __u32 room)
{
	struct tcp_start tcp;
	__u32 header_bytes;

	if (room < TCP_HEADER_BYTES || LOAD(skb, packet->transport_offset, &tcp))
		return MALFORMED;
	header_bytes = (tcp.offset >> 4) * 4;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > room)
		return MALFORMED;
	set_ports(&packet->passage.key, from_local, tcp.source, tcp.destination);
	packet->passage.tcp_flags = tcp.flags;
	finish_transport(packet, header_bytes);
	return PARSED;
}

/* UDP and SCTP begin with the same two ports. */
static __always_inline enum parsed parse_ports(struct __sk_buff *skb, struct packet *packet, bool from_local,
					       __u32 room, __u32 header_bytes)
{
	struct port_pair ports;

	if (room < header_bytes || LOAD(skb, packet->transport_offset, &ports))
		return MALFORMED;
	set_ports(&packet->passage.key, from_local, ports.source, ports.destination);
	finish_transport(packet, header_bytes);
	return PARSED;
}

/* The identifier is the initiator's port, so that a reply finds the request's flow. */
static __always_inline void set_echo(struct flow_key *key, bool from_local, const struct icmp_start *icmp,
				     bool request)
{
	key->class = CLASS_ECHO;
	set_ports(key, from_local, request ? icmp->id : 0, request ? 0 : icmp->id);
}

static __always_inline void classify_icmp(struct packet *packet, bool from_local, const struct icmp_start *icmp)
{
	struct flow_key *key = &packet->passage.key;

	switch (icmp->type) {
	case ICMP_ECHO_REQUEST:
	case ICMP_ECHO_REPLY:
		set_echo(key, from_local, icmp, icmp->type == ICMP_ECHO_REQUEST);
		break;
	case ICMP_UNREACHABLE:
		packet->unreachable = icmp->code != ICMP_FRAGMENTATION_NEEDED;
		key->class = CLASS_SIGNAL;
		break;
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		key->class = CLASS_SIGNAL;
		break;
	default:
		key->class = CLASS_ICMP;
	}
}

static __always_inline void classify_icmpv6(struct packet *packet, bool from_local,
					     const struct icmp_start *icmp)
{
	struct flow_key *key = &packet->passage.key;

	if (icmp->type == ICMPV6_ECHO_REQUEST_TYPE || icmp->type == ICMPV6_ECHO_REPLY_TYPE) {
		set_echo(key, from_local, icmp, icmp->type == ICMPV6_ECHO_REQUEST_TYPE);
	} else if (icmp->type < ICMPV6_FIRST_INFORMATIONAL) {
		packet->unreachable = icmp->type == ICMPV6_UNREACHABLE;
		key->class = CLASS_SIGNAL;
	} else if ((icmp->type >= ICMPV6_FIRST_SIGNAL && icmp->type <= ICMPV6_LAST_SIGNAL) ||
		   icmp->type == ICMPV6_MLD2_REPORT_TYPE) {
		key->class = CLASS_SIGNAL;
	} else {
		key->class = CLASS_ICMP;
	}
}

static __always_inline enum parsed parse_icmp(struct __sk_buff *skb, struct packet *packet, bool from_local,
					      __u32 room)
{
	struct icmp_start icmp;

	if (room < sizeof(icmp) || LOAD(skb, packet->transport_offset, &icmp))
		return MALFORMED;
	if (packet->passage.key.protocol == PROTOCOL_ICMP)
		classify_icmp(packet, from_local, &icmp);
	else
		classify_icmpv6(packet, from_local, &icmp);
	return PARSED;
}

static __always_inline enum parsed parse_transport(struct __sk_buff *skb, struct packet *packet,
						   bool from_local)
{
	__u32 room = packet->end_offset - packet->transport_offset;

	switch (packet->passage.key.protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(skb, packet, from_local, room);
	case PROTOCOL_UDP:
		return parse_ports(skb, packet, from_local, room, UDP_HEADER_BYTES);
	case PROTOCOL_SCTP:
		return parse_ports(skb, packet, from_local, room, SCTP_HEADER_BYTES);
	case PROTOCOL_ICMP:
		return packet->passage.ipv6 ? PARSED : parse_icmp(skb, packet, from_local, room);
	case PROTOCOL_ICMPV6:
		return packet->passage.ipv6 ? parse_icmp(skb, packet, from_local, room) : PARSED;
	default:
		return PARSED;
	}
}

#endif
