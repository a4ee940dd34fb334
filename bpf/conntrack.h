/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* A connection's life: who began it, what was said so far, when it is over. */
#ifndef WEIR_CONNTRACK_H
#define WEIR_CONNTRACK_H

#include "edges.h"
#include "kernel.h"
#include "packet.h"
#include "policy.h"
#include "shared.h"
#include "timing.h"

#define FIRST_CLIENT_PORT 32768

static __always_inline bool opens_tcp(const struct passage *passage)
{
	return passage->key.protocol == PROTOCOL_TCP && (passage->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/*
 * Who began: the sender of the SYN, the receiver of a SYN+ACK, of an echo reply or, where nothing
 * tells, the sender of the first packet; for TCP that last one is a guess and is said to be one.
 */
__noinline __u32 first_state(PASSAGE)
{
	FIND_PASSAGE(passage);
	const struct flow_key *key;
	bool initiator_local;
	__u32 flags;

	if (!passage)
		return 0;
	key = &passage->key;
	initiator_local = passage->from_local;
	flags = passage->ipv6 ? WEIR_FLAG_IPV6 : 0;
	if (key->protocol == PROTOCOL_TCP && key->class == CLASS_PORTS) {
		bool syn = passage->tcp_flags & TCP_SYN;

		if (syn && (passage->tcp_flags & TCP_ACK))
			initiator_local = !initiator_local;
		else if (!syn)
			flags |= WEIR_FLAG_INITIATOR_GUESSED;
		/* A reset may answer what never was a connection. */
		if (!syn && !(passage->tcp_flags & TCP_RST))
			flags |= WEIR_FLAG_BEFORE_START;
	} else if (key->class == CLASS_ECHO && (key->local_port || key->remote_port)) {
		initiator_local = key->local_port != 0;
	}
	return STATE_FLAG(flags) | (initiator_local ? STATE_INITIATOR_LOCAL : 0) |
	       (!enrich_timing || is_past_timing(passage) ? STATE_TIMED : 0);
}

/*
 * Judges the connection as `state` tells it. A guessed initiator may be the wrong one: a connection
 * that was there before us must live on, so both ways are tried and the one that may be is taken.
 */
static __noinline __u32 judge_state(const struct passage *passage, __u32 state, bool from_node,
				    struct judgement *judgement)
{
	struct question question = {
		.key = &passage->key,
		.epoch = passage->epoch,
		.initiator_local = state & STATE_INITIATOR_LOCAL,
		.from_node = from_node,
	};

	judge(&question, judgement);
	if (judgement->reason == WEIR_REASON_DEFAULT_DENY || judgement->reason == WEIR_REASON_SHADOW_DENY) {
		struct judgement other;

		if (!(state & STATE_FLAG(WEIR_FLAG_INITIATOR_GUESSED)))
			return state;
		question.initiator_local = !question.initiator_local;
		judge(&question, &other);
		if (other.reason != WEIR_REASON_DEFAULT_DENY && other.reason != WEIR_REASON_SHADOW_DENY) {
			*judgement = other;
			state ^= STATE_INITIATOR_LOCAL;
		}
	}
	return state;
}

static __always_inline __u8 set_judgement(struct flow *flow, const struct judgement *judgement,
					  __u32 epoch, bool revoked)
{
	union judged judged = {
		.epoch = epoch,
		.verdict = judgement->verdict,
		.reason = judgement->reason,
		.revoked = revoked,
	};

	flow->generation = judgement->generation;
	flow->rule = judgement->rule;
	*(volatile __u64 *)&flow->judged.word = judged.word;
	return judgement->verdict;
}

/* What was found out about the connection before, by those who look at the flow's packets. */
static __always_inline void forget_knowledge(struct flow *flow)
{
	flow->process = 0;
	flow->handshake_rtt_us = 0;
	flow->first_byte_us = 0;
	flow->srtt_us = 0;
	flow->retransmits_total = 0;
	flow->close_reason = WEIR_CLOSE_NONE;
	flow->looked_at = 0;
}

/*
 * The 5-tuple begins a new life: a SYN after the end of the last one, or an attempt of the other
 * side where the first one's was denied. What is left of the old one is told under its own name.
 */
static __noinline int reopen_flow(const struct passage *passage, struct flow *flow, __u32 kind)
{
	struct judgement judgement;
	__u32 state = judge_state(passage, first_state(AS_PASSAGE(passage)), !passage->forwarded, &judgement);

	/* A revoked connection is not forgotten over an attempt that comes to nothing. */
	if (judgement.verdict == WEIR_DENIED && flow->judged.revoked)
		return set_judgement(flow, &judgement, passage->epoch, true);
	if (kind == WEIR_CLOSED && !flow->close_reason)
		flow->close_reason = WEIR_CLOSE_REPLACED;
	if (has_deltas(flow)) {
		if (!emit(AS_ARGUMENTS(passage, flow), kind))
			count_drop(WEIR_DROP_EDGE_MERGED);
	} else if (kind == WEIR_CLOSED && is_worth_an_end(&passage->key, flow)) {
		emit(AS_ARGUMENTS(passage, flow), kind);
	}
	forget_knowledge(flow);
	replace_state(flow, state | (flow->state & STATE_UNTRACKED));
	flow->first = bpf_ktime_get_ns();
	flow->reported = 0;
	__sync_fetch_and_add(&flow->connections, 1);
	return set_judgement(flow, &judgement, passage->epoch, false);
}

/* Another policy is in force than the one that judged. */
static __noinline int judge_again(const struct passage *passage, struct flow *flow)
{
	struct judgement judgement;
	bool other_verdict, revoked;

	/*
	 * Counters have a direction by now: the initiator stays, even where the other way decides. The
	 * workload's own packet does not tell where the initiator's came from; what was denied was not
	 * the node's.
	 */
	judge_state(passage, flow->state,
		    passage->from_local ? flow->judged.verdict != WEIR_DENIED : !passage->forwarded,
		    &judgement);
	other_verdict = judgement.verdict != flow->judged.verdict;
	if (has_deltas(flow) &&
	    (other_verdict || judgement.reason != flow->judged.reason ||
	     judgement.rule != flow->rule || judgement.generation != flow->generation) &&
	    !emit(AS_ARGUMENTS(passage, flow), WEIR_CHANGED | EDGE_FREE))
		count_drop(WEIR_DROP_EDGE_MERGED);
	if (other_verdict)
		clear_state_bits(flow, STATE_DENIED_TOLD);
	revoked = judgement.verdict == WEIR_DENIED && (other_verdict || flow->judged.revoked);
	return set_judgement(flow, &judgement, passage->epoch, revoked);
}

/*
 * May the packet of the responder be the beginning of something of its own? Of a connection that
 * was revoked it would else go on under the responder's name with the next packet that it sends, be
 * it one sent again. TCP begins with a SYN, which is looked at before this; UDP says nothing, but a
 * port that serves does not call the port that a client was given (32768 and up, ip(7)
 * ip_local_port_range).
 */
static __always_inline bool may_begin(const struct passage *passage, const struct flow *flow)
{
	const struct flow_key *key = &passage->key;
	__u16 server = passage->from_local ? key->local_port : key->remote_port;
	__u16 client = passage->from_local ? key->remote_port : key->local_port;

	if (key->class == CLASS_ECHO || key->class == CLASS_LOST_FRAGMENT)
		return false;
	if (!flow->judged.revoked)
		return true;
	return key->protocol != PROTOCOL_TCP &&
	       (key->protocol != PROTOCOL_UDP || server >= FIRST_CLIENT_PORT || client < FIRST_CLIENT_PORT);
}

/*
 * A SYN of the flow's own initiator, sent again. Any other SYN is an attempt that is judged for
 * itself: else a packet that nobody answers, a guess or a SYN+ACK with a wrong checksum, would have
 * the flow allowed the other way round, and the SYN behind it would pass as a part of that.
 */
static __always_inline bool continues_opening(const struct passage *passage, __u32 state)
{
	return !tcp_closed(state) && is_forward(passage, state) &&
	       !(state & STATE_FLAG(WEIR_FLAG_INITIATOR_GUESSED));
}

/*
 * Brings the verdict and the initiator up to date before the packet is counted, and returns the
 * verdict over this packet: another CPU may be judging the flow by another epoch just now.
 */
static __always_inline __u8 refresh_flow(const struct passage *passage, struct flow *flow)
{
	union judged judged = { .word = *(volatile __u64 *)&flow->judged.word };
	__u32 state = flow->state;

	if (opens_tcp(passage) && !continues_opening(passage, state))
		return reopen_flow(passage, flow, WEIR_CLOSED);
	if (judged.epoch != passage->epoch)
		judged.verdict = judge_again(passage, flow);
	if (judged.verdict == WEIR_DENIED && !is_forward(passage, state) && may_begin(passage, flow)) {
		struct judgement judgement;

		/* What was denied left nothing behind: the other side's packet stands for itself. */
		judge_state(passage, first_state(AS_PASSAGE(passage)), !passage->forwarded, &judgement);
		if (judgement.verdict != WEIR_DENIED)
			return reopen_flow(passage, flow, WEIR_CHANGED);
	}
	return judged.verdict;
}

/*
 * The node's own connections come from the node itself: what another interface brought has only
 * borrowed its addresses.
 */
static __always_inline bool is_forged(const struct passage *passage, const struct flow *flow)
{
	return passage->forwarded && flow->judged.reason == WEIR_REASON_NODE &&
	       is_enforced(passage->epoch, passage->key.ifindex);
}

static __always_inline __u32 forward_bits(const struct passage *passage)
{
	__u32 flags = passage->fragment ? WEIR_FLAG_FRAGMENTS : 0;

	return passage->tcp_flags | STATE_FLAG(flags);
}

static __always_inline __u32 reply_bits(const struct passage *passage, __u32 state)
{
	__u32 flags = passage->fragment ? WEIR_FLAG_FRAGMENTS : 0;
	__u8 tcp = passage->tcp_flags;
	bool answered = state & STATE_FLAG(WEIR_FLAG_ANSWERED);

	if (passage->key.protocol != PROTOCOL_TCP || passage->key.class != CLASS_PORTS)
		flags |= WEIR_FLAG_ANSWERED;
	else if (tcp & TCP_RST)
		flags |= answered ? 0 : WEIR_FLAG_REFUSED;
	else if ((tcp & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) || passage->payload_bytes)
		flags |= WEIR_FLAG_ANSWERED;
	return (__u32)tcp << STATE_REPLY_TCP_SHIFT | STATE_FLAG(flags);
}

/* Sets the bit; true for the one CPU that set it. */
static __always_inline bool first_to_tell(struct flow *flow, __u32 bit)
{
	return !(flow->state & bit) && !(set_state_bits(flow, bit) & bit);
}

static __always_inline __u32 close_reason(const struct passage *passage, bool forward, __u32 state)
{
	if (!(passage->tcp_flags & TCP_RST))
		return WEIR_CLOSE_FIN;
	if (forward)
		return WEIR_CLOSE_RESET_BY_SOURCE;
	return state & STATE_FLAG(WEIR_FLAG_REFUSED) ? WEIR_CLOSE_REFUSED : WEIR_CLOSE_RESET_BY_DESTINATION;
}

/*
 * After both FINs one ACK is still to come: the edge waits for it, so that a connection's last row is
 * its last. Should it not come, the sweep tells the rest.
 */
__noinline int end_flow(PASSAGE_AND_FLOW, __u32 before)
{
	FIND_PASSAGE_AND_FLOW(passage, flow);

	if (!passage || !flow)
		return 0;
	if (!tcp_closed(before))
		flow->close_reason = close_reason(passage, is_forward(passage, before), flow->state);
	if ((tcp_closed(before) || (passage->tcp_flags & TCP_RST)) &&
	    first_to_tell(flow, STATE_CLOSED_TOLD))
		emit_packet(passage, flow, WEIR_CLOSED);
	return 0;
}

/* Counts the packet, and tells what it begins or ends. */
static __always_inline void count_in_flow(const struct passage *passage, struct flow *flow, bool denied)
{
	__u32 before = flow->state;

	flow->last = passage->now;
	if (is_forward(passage, before)) {
		add_state(flow, forward_bits(passage));
		__sync_fetch_and_add(&flow->packets, passage->packets);
		__sync_fetch_and_add(&flow->bytes, passage->bytes);
	} else {
		/* A reply that we drop answers nothing. */
		add_state(flow, denied ? (__u32)passage->tcp_flags << STATE_REPLY_TCP_SHIFT
				       : reply_bits(passage, before));
		__sync_fetch_and_add(&flow->reply_packets, passage->packets);
		__sync_fetch_and_add(&flow->reply_bytes, passage->bytes);
	}
	if (denied) {
		if (first_to_tell(flow, STATE_DENIED_TOLD))
			emit_packet(passage, flow, WEIR_DENIED_EDGE);
		return;
	}
	if (!(before & STATE_TIMED))
		time_packet(AS_ARGUMENTS(passage, flow));
	if (tcp_closed(flow->state))
		end_flow(AS_ARGUMENTS(passage, flow), before);
}

#endif
