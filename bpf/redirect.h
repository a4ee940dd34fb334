/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The short way between two pods of one node: what the sender's end lets pass is judged and counted
 * for the receiver's end right here, and goes into the receiver's namespace without a second turn
 * through the node's stack. Only where weir wired both and both ends are enforced: a redirect is a
 * terminal verdict, and an observer gives none.
 */
#ifndef WEIR_REDIRECT_H
#define WEIR_REDIRECT_H

#include "conntrack.h"

/*
 * The interface of the pod that the flow's packets may be handed to, 0 for none. A sender that does
 * not use its own address is left to the node, which may know better.
 */
static __noinline __u32 find_peer(const struct passage *passage, struct flow *flow, __u32 stamp)
{
	const struct flow_key *key = &passage->key;
	__u32 *own = bpf_map_lookup_elem(&local_addresses, &key->local);
	__u32 *other = bpf_map_lookup_elem(&local_addresses, &key->remote);
	__u32 peer = 0;

	if (own && other && *own == key->ifindex && *other != key->ifindex &&
	    is_enforced(passage->epoch, key->ifindex) && is_enforced(passage->epoch, *other))
		peer = *other;
	*(volatile __u64 *)&flow->peer = (__u64)stamp << 32 | peer;
	return peer;
}

/* What the flow remembers, as long as neither the policy nor the addresses have changed. */
static __always_inline __u32 peer_of(const struct passage *passage, struct flow *flow)
{
	__u32 zero = 0;
	struct weir_redirect *state = bpf_map_lookup_elem(&redirect, &zero);
	__u32 version = state ? *(volatile __u32 *)&state->version : 0;
	__u32 stamp = version * 0x9e3779b1u + passage->epoch;
	__u64 known = *(volatile __u64 *)&flow->peer;

	if (!version)
		return 0;
	return known >> 32 == stamp ? (__u32)known : find_peer(passage, flow, stamp);
}

/* Fragments, ICMP errors and tagged frames take the long way: their state is kept per interface. */
static __always_inline bool is_redirectable(const struct packet *packet)
{
	return !packet->passage.fragment && packet->passage.key.class != CLASS_SIGNAL &&
	       packet->network_offset == sizeof(struct ethernet);
}

/* Is the pod still there, and does the packet fit its interface? */
static __always_inline bool can_take(struct __sk_buff *skb, __u32 peer)
{
	__u32 mtu = 0;
	int result;

	if (skb->vlan_present)
		return false;
	result = bpf_check_mtu(skb, peer, &mtu, 0, 0);
	if (result < 0)
		count_drop(WEIR_DROP_PEER_GONE);
	return result == BPF_MTU_CHK_RET_SUCCESS;
}

/* The same packet as the receiver's interface sees it. */
static __always_inline void arrive(struct passage *passage, __u32 ifindex)
{
	struct flow_key *key = &passage->key;
	union address address = key->local;
	__u16 port = key->local_port;

	key->local = key->remote;
	key->remote = address;
	key->local_port = key->remote_port;
	key->remote_port = port;
	key->ifindex = ifindex;
	passage->from_local = false;
	passage->forwarded = true;
}

#endif
