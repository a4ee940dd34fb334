/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What the endpoint's own socket knows. Where a packet enters the node's end of a veth it still has
 * its sender's socket, whatever namespace that lives in: its round-trip time, what it sent again,
 * and whose it is. Looked at once a tick of each connection, no more.
 */
#ifndef WEIR_SOCKETS_H
#define WEIR_SOCKETS_H

#include "kernel.h"
#include "maps.h"
#include "packet.h"
#include "shared.h"

/* 0: leaves it unknown, and the verifier drops the code. */
const volatile __u32 enrich_socket = 1;
const volatile __u32 enrich_process = 1;

#define SOCKET_STREAM 1
#define SRTT_SHIFT 3 /* the kernel keeps eighths of microseconds */

/*
 * The socket may have sent before the connection was first seen: what counts then is what is sent
 * again from now on. Packets of one socket may be on two CPUs: whoever moves the total counts it.
 */
static __always_inline void count_retransmits(struct flow *flow, __u32 total)
{
	__u32 before = flow->retransmits_total;

	if ((flow->state & STATE_FLAG(WEIR_FLAG_BEFORE_START)) && !flow->srtt_us) {
		flow->retransmits_total = total;
		return;
	}
	if ((__s32)(total - before) > 0 && move_total(flow, &flow->retransmits_total, before, total))
		__sync_fetch_and_add(&flow->retransmits, total - before);
}

__noinline int look_at_socket(struct __sk_buff *skb, PASSAGE_AND_FLOW)
{
	FIND_PASSAGE_AND_FLOW(passage, flow);
	struct bpf_sock *sk = skb->sk;
	const struct flow_key *key;

	if (!passage || !flow)
		return 0;
	if (flow->state & STATE_TIMED)
		flow->looked_at = 1;
	key = &passage->key;
	if (!sk || key->class != CLASS_PORTS)
		return 0;
	sk = bpf_sk_fullsock(sk);
	/* A tunnel's packet has the socket of what it carries, the kernel's own resets have another's. */
	if (!sk || sk->protocol != key->protocol || sk->src_port != key->local_port)
		return 0;
	if (enrich_process) {
		struct socket_owner *owner = bpf_sk_storage_get(&socket_owners, sk, 0, 0);

		if (owner && owner->process)
			flow->process = owner->process;
	}
	if (enrich_socket && key->protocol == PROTOCOL_TCP && sk->type == SOCKET_STREAM) {
		struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

		if (!tcp)
			return 0;
		count_retransmits(flow, tcp->total_retrans);
		if (tcp->srtt_us >> SRTT_SHIFT)
			flow->srtt_us = tcp->srtt_us >> SRTT_SHIFT;
	}
	return 0;
}

/*
 * The first packet since a tick, and the last word. At the beginning of a connection each, and the
 * one after: what goes out first may belong to no full socket yet, or to none that anybody has used.
 * One branch, or the verifier would go twice as far.
 */
static __always_inline bool is_worth_a_look(const struct passage *passage, const struct flow *flow)
{
	if (!passage->from_local || (!enrich_socket && !enrich_process))
		return false;
	return ((flow->last ^ passage->now) | (passage->tcp_flags & TCP_FIN) |
		(flow->looked_at ^ 1)) != 0;
}

#endif
