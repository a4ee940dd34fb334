/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * How long the other end took: the handshake's round trip, and the first byte of the answer. Looked
 * at until both are known, then never again: an established connection pays for one bit.
 */
#ifndef WEIR_TIMING_H
#define WEIR_TIMING_H

#include "flow.h"
#include "kernel.h"
#include "packet.h"
#include "shared.h"

/* 0: leaves both unknown, and the verifier drops the code. */
const volatile __u32 enrich_timing = 1;

/* Microseconds since the connection's first packet; never 0, which is unknown. */
static __always_inline __u32 age_us(const struct flow *flow)
{
	__u64 us = (bpf_ktime_get_ns() - flow->first) / 1000;

	if (us > 0xffffffffull)
		return 0xffffffff;
	return us ? us : 1;
}

static __always_inline __u32 since_us(const struct flow *flow, __u32 mark_us)
{
	__u32 now_us = age_us(flow);

	return now_us > mark_us ? now_us - mark_us : 1;
}

/*
 * Each end measures its part, from its interface to the other end and back. Of packets that were
 * sent again the latest counts, or a lost SYN would look like a second of network.
 */
static __always_inline void time_handshake(const struct passage *passage, struct flow *flow, bool forward,
					   __u32 state)
{
	__u8 flags = passage->tcp_flags & (TCP_SYN | TCP_ACK);
	bool at_initiator = state & STATE_INITIATOR_LOCAL;

	if (forward ? at_initiator && flags == TCP_SYN : !at_initiator && flags == (TCP_SYN | TCP_ACK)) {
		flow->handshake_rtt_us = age_us(flow);
	} else if (flow->handshake_rtt_us &&
		   (forward ? !at_initiator && flags == TCP_ACK
			    : at_initiator && flags == (TCP_SYN | TCP_ACK))) {
		flow->handshake_rtt_us = since_us(flow, flow->handshake_rtt_us);
		add_state(flow, STATE_SHOOK);
	}
}

/* Until a value is known its field holds when its clock began, as the connection's age. */
__noinline int time_packet(PASSAGE_AND_FLOW)
{
	FIND_PASSAGE_AND_FLOW(passage, flow);
	__u32 state;
	bool forward;

	if (!passage || !flow)
		return 0;
	state = flow->state;
	forward = is_forward(passage, state);
	if (passage->key.protocol == PROTOCOL_TCP && !(state & STATE_SHOOK))
		time_handshake(passage, flow, forward, state);
	if (!passage->payload_bytes && passage->key.class != CLASS_ECHO)
		return 0;
	if (forward) {
		if (state & STATE_ASKED)
			return 0;
		flow->first_byte_us = age_us(flow);
		add_state(flow, STATE_ASKED);
	} else if (state & STATE_ASKED) {
		flow->first_byte_us = since_us(flow, flow->first_byte_us);
		add_state(flow, STATE_ANSWER_TIMED | STATE_TIMED);
	} else {
		/* It speaks first, and answers nothing. */
		add_state(flow, STATE_TIMED);
	}
	return 0;
}

/* Nothing of the connection can be timed: its beginning was not seen, or there is nothing to see. */
static __always_inline bool is_past_timing(const struct passage *passage)
{
	const struct flow_key *key = &passage->key;

	if (key->class == CLASS_ECHO)
		return false;
	if (key->class != CLASS_PORTS)
		return true;
	if (key->protocol == PROTOCOL_TCP)
		return !(passage->tcp_flags & TCP_SYN);
	return key->protocol != PROTOCOL_UDP && key->protocol != PROTOCOL_SCTP;
}

#endif
