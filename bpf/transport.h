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
	packet->payload_bytes = packet->end_offset - packet->transport_offset - header_bytes;
}

static __always_inline enum parsed parse_tcp(struct __sk_buff *skb, struct packet *packet, __u32 room)
{
	struct tcp_start tcp;
	__u32 header_bytes;

	if (room < 20 || LOAD(skb, packet->transport_offset, &tcp))
		return MALFORMED;
	header_bytes = (tcp.offset >> 4) * 4;
	if (header_bytes < 20 || header_bytes > room)
		return MALFORMED;
	packet->source_port = bpf_ntohs(tcp.source);
	packet->destination_port = bpf_ntohs(tcp.destination);
	packet->tcp_flags = tcp.flags;
	finish_transport(packet, header_bytes);
	return PARSED;
}

/* UDP and SCTP begin with the same two ports. */
static __always_inline enum parsed parse_ports(struct __sk_buff *skb, struct packet *packet, __u32 room,
					       __u32 header_bytes)
{
	struct port_pair ports;

	if (room < header_bytes || LOAD(skb, packet->transport_offset, &ports))
		return MALFORMED;
	packet->source_port = bpf_ntohs(ports.source);
	packet->destination_port = bpf_ntohs(ports.destination);
	finish_transport(packet, header_bytes);
	return PARSED;
}

/* The identifier is the initiator's port, so that a reply finds the request's flow. */
static __always_inline void set_echo(struct packet *packet, const struct icmp_start *icmp, bool request)
{
	packet->class = CLASS_ECHO;
	if (request)
		packet->source_port = bpf_ntohs(icmp->id);
	else
		packet->destination_port = bpf_ntohs(icmp->id);
}

static __always_inline void classify_icmp(struct packet *packet, const struct icmp_start *icmp)
{
	switch (icmp->type) {
	case ICMP_ECHO_REQUEST:
	case ICMP_ECHO_REPLY:
		set_echo(packet, icmp, icmp->type == ICMP_ECHO_REQUEST);
		break;
	case ICMP_UNREACHABLE:
		packet->unreachable = icmp->code != ICMP_FRAGMENTATION_NEEDED;
		packet->class = CLASS_SIGNAL;
		break;
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		packet->class = CLASS_SIGNAL;
		break;
	default:
		packet->class = CLASS_ICMP;
	}
}

static __always_inline void classify_icmpv6(struct packet *packet, const struct icmp_start *icmp)
{
	if (icmp->type == ICMPV6_ECHO_REQUEST_TYPE || icmp->type == ICMPV6_ECHO_REPLY_TYPE) {
		set_echo(packet, icmp, icmp->type == ICMPV6_ECHO_REQUEST_TYPE);
	} else if (icmp->type < ICMPV6_FIRST_INFORMATIONAL) {
		packet->unreachable = icmp->type == ICMPV6_UNREACHABLE;
		packet->class = CLASS_SIGNAL;
	} else if ((icmp->type >= ICMPV6_FIRST_SIGNAL && icmp->type <= ICMPV6_LAST_SIGNAL) ||
		   icmp->type == ICMPV6_MLD2_REPORT_TYPE) {
		packet->class = CLASS_SIGNAL;
	} else {
		packet->class = CLASS_ICMP;
	}
}

static __always_inline enum parsed parse_icmp(struct __sk_buff *skb, struct packet *packet, __u32 room)
{
	struct icmp_start icmp;

	if (room < sizeof(icmp) || LOAD(skb, packet->transport_offset, &icmp))
		return MALFORMED;
	if (packet->protocol == PROTOCOL_ICMP)
		classify_icmp(packet, &icmp);
	else
		classify_icmpv6(packet, &icmp);
	return PARSED;
}

static __always_inline enum parsed parse_transport(struct __sk_buff *skb, struct packet *packet)
{
	__u32 room = packet->end_offset - packet->transport_offset;

	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(skb, packet, room);
	case PROTOCOL_UDP:
		return parse_ports(skb, packet, room, 8);
	case PROTOCOL_SCTP:
		return parse_ports(skb, packet, room, 12);
	case PROTOCOL_ICMP:
		return packet->ipv6 ? PARSED : parse_icmp(skb, packet, room);
	case PROTOCOL_ICMPV6:
		return packet->ipv6 ? parse_icmp(skb, packet, room) : PARSED;
	default:
		return PARSED;
	}
}

#endif
