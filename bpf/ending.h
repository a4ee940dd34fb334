/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * How an idle flow's entry goes without a packet being lost in it. A program that has looked the entry
 * up adds to it some hundred nanoseconds later, so it is not deleted when it is found idle, but by the
 * next sweep, if it still says ENDING then: until that time each packet has seen the mark, and taking it
 * off again is what keeps the entry. Who is first is decided by one atomic operation on the state: the
 * packet takes the mark off, or the sweep turns it into GONE, and then the packet is untracked.
 */
#ifndef WEIR_ENDING_H
#define WEIR_ENDING_H

#include "shared.h"

#ifdef WEIR_BEFORE_5_12

/* No atomic operation returns anything, and an iterator may take no lock: to be the taker decides. */
enum ending {
	NOT_ENDING = 0,
	ENDING = 1,
	GONE = 2,
};

static __always_inline bool stays(const struct flow_key *key, struct flow *flow)
{
	bool stays;

	if (!*(volatile __u8 *)&flow->ending)
		return true;
	if (!begin_taking(key))
		return false;
	stays = *(volatile __u8 *)&flow->ending != GONE;
	if (stays)
		*(volatile __u8 *)&flow->ending = NOT_ENDING;
	end_taking(key);
	return stays;
}

static __always_inline bool begin_deleting(const struct flow_key *key, struct flow *flow)
{
	bool marked;

	if (!begin_taking(key))
		return false;
	marked = *(volatile __u8 *)&flow->ending == ENDING;
	*(volatile __u8 *)&flow->ending = marked ? GONE : ENDING;
	end_taking(key);
	return marked;
}

static __always_inline void give_up_deleting(struct flow *flow)
{
	*(volatile __u8 *)&flow->ending = ENDING;
}

#else

/* For a packet: false where the entry is the sweep's. */
static __always_inline bool stays(const struct flow_key *key, struct flow *flow)
{
	if (!(flow->state & (STATE_ENDING | STATE_GONE)))
		return true;
	return !(clear_state_bits(flow, STATE_ENDING) & STATE_GONE);
}

/* For the sweep: true where it has the entry for itself. It marks what the last one did not find idle. */
static __always_inline bool begin_deleting(const struct flow_key *key, struct flow *flow)
{
	__u32 state = *(volatile __u32 *)&flow->state;

	if (!(state & STATE_ENDING)) {
		set_state_bits(flow, STATE_ENDING);
		return false;
	}
	return move_total(flow, &flow->state, state, (state & ~STATE_ENDING) | STATE_GONE);
}

/* It could not be told, or not all of it: the next sweep tries again. */
static __always_inline void give_up_deleting(struct flow *flow)
{
	set_state_bits(flow, STATE_ENDING);
	clear_state_bits(flow, STATE_GONE);
}

#endif

#endif
