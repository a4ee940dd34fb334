/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What the programs need to know of a packet, and how lengths are counted. */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#include "flow.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_NO_NEXT 59
#define PROTOCOL_SCTP 132

/* A packet as the flow map sees it. */
struct passage {
	struct flow_key key;
	__u32 epoch;
	__u64 now;     /* to a tick: enough for `last`, and a tenth of the cost of the true time */
	__u32 packets; /* on the wire: a GSO super-packet counts as its segments */
	__u32 bytes;   /* of the IP layer, on the wire */
	__u32 payload_bytes; /* behind the transport header, of the super-packet */
	__u8 tcp_flags;
	__u8 ipv6;
	__u8 fragment;
	bool from_local;
	bool forwarded; /* to the workload, and another interface brought it: the node did not send it */
	__u8 pad[7];
};

struct packet {
	struct passage passage;
	__u32 network_offset;
	__u32 transport_offset;
	__u32 end_offset;   /* one past the IP packet's last byte */
	__u32 header_bytes; /* IP and transport headers: what every further segment repeats */
	__u32 fragment_id;
	__u8 later_fragment; /* has no transport header */
	__u8 unreachable;    /* an ICMP error that says so: look at what it quotes */
	__u16 pad;
};

#ifdef WEIR_BEFORE_5_12
/* Not on the stack: of what lies in a map the verifier forgets each way that led to it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} packets SEC(".maps");

static __always_inline struct packet *packet_at(__u32 in_hand)
{
	return bpf_map_lookup_elem(&packets, &in_hand);
}

static __always_inline struct packet *fresh_packet(void)
{
	struct packet *packet = packet_at(0);

	if (packet)
		__builtin_memset(packet, 0, sizeof(*packet));
	return packet;
}

#define NEW_PACKET(name) struct packet *name = fresh_packet()
#define PACKET_ARGUMENT
#define AS_ARGUMENT(packet)
#define FIND_PACKET(name) struct packet *name = packet_at(0)
#else
#define NEW_PACKET(name) struct packet name##_on_stack = {}, *name = &name##_on_stack
#define PACKET_ARGUMENT struct packet *packet,
#define AS_ARGUMENT(packet) packet,
#define FIND_PACKET(name)
#endif

static __always_inline bool is_forward(const struct passage *passage, __u32 state)
{
	return passage->from_local == !!(state & STATE_INITIATOR_LOCAL);
}

enum parsed {
	PARSED = 0,
	NOT_IP = 1,
	MALFORMED = 2,
};

static __always_inline void set_ipv4(union address *address, __be32 v4)
{
	address->half[0] = 0;
	address->word[2] = bpf_htonl(0xffff);
	address->word[3] = v4;
}

static __always_inline void set_ipv6(union address *address, const struct in6_addr *v6)
{
	__builtin_memcpy(address, v6, sizeof(*address));
}

/* Where a packet's addresses stand in the key. */
static __always_inline union address *source_of(struct flow_key *key, bool from_local)
{
	return from_local ? &key->local : &key->remote;
}

static __always_inline union address *destination_of(struct flow_key *key, bool from_local)
{
	return from_local ? &key->remote : &key->local;
}

static __always_inline void set_ports(struct flow_key *key, bool from_local, __be16 source,
				      __be16 destination)
{
	key->local_port = bpf_ntohs(from_local ? source : destination);
	key->remote_port = bpf_ntohs(from_local ? destination : source);
}

/* Headers lie within this; it also tells the verifier how far an offset may reach. */
#define HEADERS_MAX 512

/* The packet's linear part at `offset`; NULL where it does not hold `size` bytes there. */
static __always_inline void *linear_at(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	void *from = (void *)(long)skb->data;

	barrier_var(offset);
	if (offset > HEADERS_MAX)
		return NULL;
	from += offset;
	return from + size <= (void *)(long)skb->data_end ? from : NULL;
}

/* Reads a header at `offset`: a copy by words where it is linear, by the helper where it is not. */
#define LOAD(skb, offset, target)                                                      \
	({                                                                             \
		__typeof__(target) _from = linear_at(skb, offset, sizeof(*(target)));  \
		_from ? (*(target) = *_from, 0)                                        \
		      : bpf_skb_load_bytes(skb, offset, target, sizeof(*(target)));    \
	})

/*
 * The stack hands over up to 64 KiB and more as one packet; the wire will carry segments with the
 * headers repeated. Counted here as the wire counts.
 */
static __always_inline void count_segments(struct __sk_buff *skb, struct packet *packet)
{
	struct passage *passage = &packet->passage;
	__u32 size = skb->gso_size;
	__u32 segments = skb->gso_segs;

	passage->packets = 1;
	if (!size || passage->fragment || !packet->header_bytes)
		return;
	if (!segments)
		segments = (passage->payload_bytes + size - 1) / size;
	if (segments < 2)
		return;
	passage->packets = segments;
	passage->bytes += (segments - 1) * packet->header_bytes;
}

#endif
