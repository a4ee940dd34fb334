/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Ethernet, VLAN stacks, IPv4 with options, IPv6 with extension headers, down to the transport. */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#include "transport.h"

#define VLAN_TAGS_MAX 2 /* in the packet, beside the one the kernel took out */
#define IPV6_EXTENSIONS_MAX 8

#define EXTENSION_HOP_BY_HOP 0
#define EXTENSION_ROUTING 43
#define EXTENSION_FRAGMENT 44
#define EXTENSION_AUTHENTICATION 51
#define EXTENSION_DESTINATION 60

#define IPV4_FRAGMENT_MASK 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000

struct vlan_tag {
	__be16 tci;
	__be16 protocol;
};

struct ethernet {
	__u8 destination[6];
	__u8 source[6];
	__be16 protocol;
};

/* IP lengths of BIG TCP packets do not fit their field and are 0. */
static __always_inline bool set_extent(struct __sk_buff *skb, struct packet *packet, __u32 told,
				       bool jumbo)
{
	__u32 here = skb->len - packet->network_offset;

	packet->passage.bytes = jumbo && skb->gso_size ? here : told;
	packet->end_offset = packet->network_offset + packet->passage.bytes;
	return packet->passage.bytes <= here;
}

static __always_inline enum parsed parse_ipv4(struct __sk_buff *skb, struct packet *packet, bool from_local)
{
	struct flow_key *key = &packet->passage.key;
	struct iphdr ip;
	__u32 header_bytes, fragment;

	if (LOAD(skb, packet->network_offset, &ip))
		return MALFORMED;
	header_bytes = ip.ihl * 4;
	if (ip.version != 4 || header_bytes < sizeof(ip))
		return MALFORMED;
	if (!set_extent(skb, packet, bpf_ntohs(ip.tot_len), ip.tot_len == 0) ||
	    packet->passage.bytes < header_bytes)
		return MALFORMED;
	set_ipv4(source_of(key, from_local), ip.saddr);
	set_ipv4(destination_of(key, from_local), ip.daddr);
	key->protocol = ip.protocol;
	packet->transport_offset = packet->network_offset + header_bytes;
	fragment = bpf_ntohs(ip.frag_off);
	if (fragment & (IPV4_FRAGMENT_MASK | IPV4_MORE_FRAGMENTS)) {
		packet->passage.fragment = true;
		packet->fragment_id = ip.id;
		packet->later_fragment = (fragment & IPV4_FRAGMENT_MASK) != 0;
		/* RFC 3128: such a fragment exists only to rewrite the TCP flags that were judged. */
		if ((fragment & IPV4_FRAGMENT_MASK) == 1 && ip.protocol == PROTOCOL_TCP)
			return MALFORMED;
	}
	return packet->later_fragment ? PARSED : parse_transport(skb, packet, from_local);
}

struct ipv6_extension {
	__u8 next;
	__u8 length;
	__be16 offset; /* of the fragment header */
	__be32 id;
};

/* Bytes of an extension header; 0 for what is none. */
static __always_inline __u32 extension_bytes(__u8 kind, const struct ipv6_extension *extension)
{
	switch (kind) {
	case EXTENSION_HOP_BY_HOP:
	case EXTENSION_ROUTING:
	case EXTENSION_DESTINATION:
		return (extension->length + 1) * 8;
	case EXTENSION_FRAGMENT:
		return 8;
	case EXTENSION_AUTHENTICATION:
		return (extension->length + 2) * 4;
	default:
		return 0;
	}
}

static __always_inline bool is_extension(__u8 kind)
{
	return kind == EXTENSION_HOP_BY_HOP || kind == EXTENSION_ROUTING || kind == EXTENSION_DESTINATION ||
	       kind == EXTENSION_FRAGMENT || kind == EXTENSION_AUTHENTICATION;
}

static __always_inline enum parsed parse_extensions(struct __sk_buff *skb, struct packet *packet)
{
	struct flow_key *key = &packet->passage.key;
	struct ipv6_extension extension;

	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		if (!is_extension(key->protocol))
			return PARSED;
		if (packet->transport_offset + sizeof(extension) > packet->end_offset ||
		    LOAD(skb, packet->transport_offset, &extension))
			return MALFORMED;
		packet->transport_offset += extension_bytes(key->protocol, &extension);
		if (packet->transport_offset > packet->end_offset)
			return MALFORMED;
		if (key->protocol == EXTENSION_FRAGMENT) {
			__u16 offset = bpf_ntohs(extension.offset);

			/* An atomic fragment (RFC 6946) is a whole packet. */
			packet->passage.fragment = (offset & ~6) != 0;
			packet->fragment_id = extension.id;
			packet->later_fragment = offset >> 3 != 0;
		}
		key->protocol = extension.next;
		if (packet->later_fragment)
			return PARSED;
	}
	return is_extension(key->protocol) ? MALFORMED : PARSED;
}

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, struct packet *packet, bool from_local)
{
	struct flow_key *key = &packet->passage.key;
	struct ipv6hdr ip;
	enum parsed parsed;

	if (LOAD(skb, packet->network_offset, &ip) || ip.version != 6)
		return MALFORMED;
	packet->passage.ipv6 = true;
	if (!set_extent(skb, packet, sizeof(ip) + bpf_ntohs(ip.payload_len), ip.payload_len == 0))
		return MALFORMED;
	set_ipv6(source_of(key, from_local), &ip.saddr);
	set_ipv6(destination_of(key, from_local), &ip.daddr);
	key->protocol = ip.nexthdr;
	packet->transport_offset = packet->network_offset + sizeof(ip);
	parsed = parse_extensions(skb, packet);
	if (parsed != PARSED || packet->later_fragment)
		return parsed;
	return parse_transport(skb, packet, from_local);
}

/* `layer3`: the device has no MAC header (tun, WireGuard). */
static __always_inline enum parsed parse(struct __sk_buff *skb, struct packet *packet, bool from_local, bool layer3)
{
	__be16 protocol = skb->protocol;
	enum parsed parsed;

	if (!layer3) {
		struct ethernet ethernet;

		if (LOAD(skb, 0, &ethernet))
			return NOT_IP;
		protocol = ethernet.protocol;
		packet->network_offset = sizeof(ethernet);
		for (int i = 0; i < VLAN_TAGS_MAX; i++) {
			struct vlan_tag tag;

			if (protocol != bpf_htons(ETHERTYPE_VLAN) && protocol != bpf_htons(ETHERTYPE_QINQ))
				break;
			if (LOAD(skb, packet->network_offset, &tag))
				return NOT_IP;
			protocol = tag.protocol;
			packet->network_offset += sizeof(tag);
		}
	}
	packet->passage.bytes = skb->len - packet->network_offset;
	if (protocol == bpf_htons(ETHERTYPE_IPV4))
		parsed = parse_ipv4(skb, packet, from_local);
	else if (protocol == bpf_htons(ETHERTYPE_IPV6))
		parsed = parse_ipv6(skb, packet, from_local);
	else
		return NOT_IP;
	if (parsed == PARSED)
		count_segments(skb, packet);
	return parsed;
}

/*
 * Global functions: the verifier looks at them once and knows nothing of what they leave, instead of
 * walking all that comes after them once for every way through them.
 */
__noinline int parse_ethernet(struct __sk_buff *skb, PACKET_ARGUMENT bool from_local)
{
	FIND_PACKET(packet);

	if (!packet)
		return NOT_IP;
	__builtin_memset(packet, 0, sizeof(*packet));
	return parse(skb, packet, from_local, false);
}

__noinline int parse_layer3(struct __sk_buff *skb, PACKET_ARGUMENT bool from_local)
{
	FIND_PACKET(packet);

	if (!packet)
		return NOT_IP;
	__builtin_memset(packet, 0, sizeof(*packet));
	return parse(skb, packet, from_local, true);
}

#endif
