/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The one map entry of a connection at an interface: conntrack, verdict and counters.
 *
 * Counters hold what was not reported yet. A reporter takes them out (shared.h), so each packet is in
 * exactly one record whoever reports, on whatever CPU.
 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

union address {
	__u8 byte[16];
	__u32 word[4];
	__u64 half[2];
};

/* What a packet's flow is judged and keyed as. */
enum flow_class {
	CLASS_PORTS = 0,     /* protocol and ports */
	CLASS_ECHO = 1,      /* ICMP echo: the initiator's port is the identifier, policy sees no port */
	CLASS_ICMP = 2,      /* other ICMP that is judged, without ports */
	CLASS_SIGNAL = 3,    /* ICMP errors, neighbour discovery, MLD: always pass */
	CLASS_LOST_FRAGMENT = 4, /* a later fragment whose first was not seen */
};

/* From the endpoint's side, so that both directions are one lookup. */
struct flow_key {
	union address local;
	union address remote;
	__u32 ifindex;
	__u16 local_port;
	__u16 remote_port;
	__u8 protocol;
	__u8 class; /* enum flow_class */
	__u16 pad;
};

/* Bits of flow.state. The low 22 are the record's tcp_flags, reply_tcp_flags and flags. */
#define STATE_REPLY_TCP_SHIFT 8
#define STATE_FLAGS_SHIFT 16
#define STATE_FLAG(flag) ((__u32)(flag) << STATE_FLAGS_SHIFT)
#define STATE_FLAGS_MASK 0x3f
#define STATE_ENDING (1u << 22) /* the last sweep found it idle: the next one may delete it (ending.h) */
#define STATE_GONE (1u << 23)   /* this sweep is deleting it: no packet is counted there any more */
#define STATE_INITIATOR_LOCAL (1u << 24)
#define STATE_CLOSED_TOLD (1u << 25) /* the closing edge was emitted, or cannot be any more */
#define STATE_DENIED_TOLD (1u << 26)
#define STATE_SHOOK (1u << 27)        /* the handshake's round trip is known */
#define STATE_ASKED (1u << 28)        /* the initiator has sent payload */
#define STATE_ANSWER_TIMED (1u << 29) /* and the first byte of the answer is known */
#define STATE_TIMED (1u << 30)        /* nothing is left to be timed */
#define STATE_UNTRACKED (1u << 31) /* an entry of `untracked`: its counters are nobody's */

/* One word: whoever reads the epoch reads the verdict that was given under it. */
union judged {
	struct {
		__u32 epoch; /* of the policy that judged; another one in force: judge again */
		__u8 verdict;
		__u8 reason;
		__u8 revoked; /* 1: denied by a later policy than the one that allowed it */
		__u8 pad;
	};
	__u64 word;
};

struct flow {
	__u64 first;
	__u64 last;
	__u64 reported; /* time of the latest record, 0 before the first */
	__u64 packets;  /* initiator to responder, not reported yet */
	__u64 bytes;
	__u64 reply_packets;
	__u64 reply_bytes;
	__u32 connections; /* not reported yet */
	__u32 state;       /* STATE_* */
	__u32 generation;
	__u32 rule;
	union judged judged;
	__u64 peer; /* low half: interface to redirect to or 0; high half: what that rests on (redirect.h) */
	__u64 process;
	__u32 handshake_rtt_us; /* this and the next: timing.h says what they hold meanwhile */
	__u32 first_byte_us;
	__u32 srtt_us;
	__u32 retransmits; /* not reported yet */
	__u32 retransmits_total; /* of the socket, when it was looked at last */
	__u8 close_reason;
	__u8 looked_at; /* 1: the socket was looked at since nothing is left to be timed */
	__u8 stripe; /* before Linux 5.12: whose lock guards the state (shared.h) */
	__u8 ending; /* before Linux 5.12: what STATE_ENDING and STATE_GONE are later (ending.h) */
};

struct fragment_key {
	union address local;
	union address remote;
	__u32 ifindex;
	__u32 id;
	__u32 protocol; /* IPv4 only: the IPv6 identifier is enough, and its chain may go on */
	__u32 from_local;
};

struct fragment {
	__u64 time;
	__u16 local_port;
	__u16 remote_port;
	__u8 protocol;
	__u8 class;
	__u16 pad;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static __always_inline bool tcp_closed(__u32 state)
{
	__u32 forward = state & 0xff;
	__u32 reply = (state >> STATE_REPLY_TCP_SHIFT) & 0xff;

	return ((forward | reply) & TCP_RST) || (forward & reply & TCP_FIN);
}

#endif
