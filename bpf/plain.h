/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The packets that nearly all are: TCP or UDP right behind an IP header without options, in a frame
 * without tags, headers in the linear part. Whatever is anything else, or does not fit together, is
 * left to parse.h, which knows all of it and looks from the start.
 */
#ifndef WEIR_PLAIN_H
#define WEIR_PLAIN_H

#include "parse.h"

#define IPV4_PLAIN 0x45 /* version 4, five words of header */

static __always_inline bool plain_tcp(struct packet *packet, const struct tcp_start *tcp,
				      const void *end, __u32 room, bool from_local)
{
	__u32 header_bytes;

	if ((const void *)(tcp + 1) > end)
		return false;
	header_bytes = (tcp->offset >> 4) * 4;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > room)
		return false;
	set_ports(&packet->passage.key, from_local, tcp->source, tcp->destination);
	packet->passage.tcp_flags = tcp->flags;
	finish_transport(packet, header_bytes);
	return true;
}

static __always_inline bool plain_udp(struct packet *packet, const struct port_pair *ports,
				      const void *end, __u32 room, bool from_local)
{
	if ((const void *)(ports + 1) > end || room < UDP_HEADER_BYTES)
		return false;
	set_ports(&packet->passage.key, from_local, ports->source, ports->destination);
	finish_transport(packet, UDP_HEADER_BYTES);
	return true;
}

static __always_inline bool plain_transport(struct __sk_buff *skb, struct packet *packet, const void *at,
					    __u32 header_bytes, __u32 payload_bytes, bool from_local)
{
	const void *end = (void *)(long)skb->data_end;
	__u32 offset = sizeof(struct ethernet);
	bool plain = false;

	packet->network_offset = offset;
	packet->transport_offset = offset + header_bytes;
	packet->end_offset = offset + header_bytes + payload_bytes;
	packet->passage.bytes = header_bytes + payload_bytes;
	if (packet->end_offset > skb->len)
		return false;
	if (packet->passage.key.protocol == PROTOCOL_TCP)
		plain = plain_tcp(packet, at, end, payload_bytes, from_local);
	else if (packet->passage.key.protocol == PROTOCOL_UDP)
		plain = plain_udp(packet, at, end, payload_bytes, from_local);
	if (plain)
		count_segments(skb, packet);
	return plain;
}

static __always_inline bool parse_plain(struct __sk_buff *skb, struct packet *packet, bool from_local)
{
	const void *end = (void *)(long)skb->data_end;
	const struct ethernet *ethernet = (void *)(long)skb->data;
	struct flow_key *key = &packet->passage.key;
	const struct iphdr *ip4 = (const void *)(ethernet + 1);
	const struct ipv6hdr *ip6 = (const void *)(ethernet + 1);

	if ((const void *)(ip4 + 1) > end)
		return false;
	if (ethernet->protocol == bpf_htons(ETHERTYPE_IPV4)) {
		__u32 bytes = bpf_ntohs(ip4->tot_len);

		if (*(const __u8 *)ip4 != IPV4_PLAIN || bytes < sizeof(*ip4) ||
		    ip4->frag_off & bpf_htons(IPV4_FRAGMENT_MASK | IPV4_MORE_FRAGMENTS))
			return false;
		set_ipv4(source_of(key, from_local), ip4->saddr);
		set_ipv4(destination_of(key, from_local), ip4->daddr);
		key->protocol = ip4->protocol;
		return plain_transport(skb, packet, ip4 + 1, sizeof(*ip4), bytes - sizeof(*ip4), from_local);
	}
	if (ethernet->protocol != bpf_htons(ETHERTYPE_IPV6) || (const void *)(ip6 + 1) > end ||
	    ip6->version != 6 || !ip6->payload_len)
		return false;
	set_ipv6(source_of(key, from_local), &ip6->saddr);
	set_ipv6(destination_of(key, from_local), &ip6->daddr);
	key->protocol = ip6->nexthdr;
	packet->passage.ipv6 = true;
	return plain_transport(skb, packet, ip6 + 1, sizeof(*ip6), bpf_ntohs(ip6->payload_len), from_local);
}

#endif
