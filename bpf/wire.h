/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Every struct that crosses between the kernel and user space, and nothing else.
 *
 * A test compares these layouts, as BTF tells them, with the Avro files of schemas/events. Rules that keep
 * C and TypeScript in agreement: fixed-width types only, natural alignment, padding spelled out,
 * addresses always 16 bytes (IPv4 as ::ffff:a.b.c.d), ports and everything else in host byte
 * order, times in nanoseconds of CLOCK_MONOTONIC. Enum values equal the index of the symbol in
 * the Avro enum of the same name.
 */
#ifndef WEIR_WIRE_H
#define WEIR_WIRE_H

/* Raise it when a change of meaning leaves every layout as it was; layouts speak for themselves. */
enum weir_abi {
	WEIR_ABI_VERSION = 1,
};

/* Where the observing interface stands in the connection. */
enum weir_direction {
	WEIR_DIRECTION_UNKNOWN = 0,
	WEIR_EGRESS = 1,  /* at the initiator's interface */
	WEIR_INGRESS = 2, /* at the responder's interface */
};

enum weir_verdict {
	WEIR_VERDICT_UNKNOWN = 0,
	WEIR_ALLOWED = 1,
	WEIR_DENIED = 2,
};

/* Why the verdict is what it is. WEIR_REASON_POLICY and the two default denies come with a rule id. */
enum weir_reason {
	WEIR_REASON_UNKNOWN = 0,
	WEIR_REASON_OBSERVED = 1,     /* the interface is only observed, nothing judges it */
	WEIR_REASON_NOT_ISOLATED = 2, /* no policy selects the endpoint in this direction */
	WEIR_REASON_POLICY = 3,       /* `rule` allowed it */
	WEIR_REASON_NODE = 4,         /* from the endpoint's own node: kubelet probes must pass */
	WEIR_REASON_ICMP = 5,         /* ICMP errors and neighbour discovery: transport breaks without them */
	WEIR_REASON_DEFAULT_DENY = 6, /* isolated and no rule matches; `rule` names the rule set */
	WEIR_REASON_SHADOW_DENY = 7,  /* would have been denied, passed: the policy is in shadow mode */
	WEIR_REASON_MALFORMED = 8,    /* headers that do not parse, at an isolated endpoint */
	WEIR_REASON_FRAGMENT = 9,     /* a later fragment whose first was not seen, at an isolated endpoint */
};

/* What made the record. */
enum weir_kind {
	WEIR_KIND_UNKNOWN = 0,
	WEIR_OPENED = 1, /* not made any more: what it told is in the first record with numbers */
	WEIR_CLOSED = 2, /* ring: FIN both ways or RST; deltas since the last report */
	WEIR_DENIED_EDGE = 3, /* ring: first denied packet of a connection; deltas since the last report */
	WEIR_CHANGED = 4, /* ring: judged anew with another outcome; deltas under the old verdict and generation */
	WEIR_ACTIVE = 5, /* sweep: still open, active timeout or first report */
	WEIR_IDLE = 6,   /* sweep: idle timeout or closed remainder; the entry is gone from the map */
};

/* Why the connection is over; WEIR_CLOSE_NONE while it is open, and where nobody can know. */
enum weir_close_reason {
	WEIR_CLOSE_NONE = 0,
	WEIR_CLOSE_FIN = 1,                  /* FIN both ways */
	WEIR_CLOSE_RESET_BY_SOURCE = 2,      /* RST of the initiator */
	WEIR_CLOSE_RESET_BY_DESTINATION = 3, /* RST of the responder, after it had answered */
	WEIR_CLOSE_REFUSED = 4,              /* RST in answer to the SYN */
	WEIR_CLOSE_UNREACHABLE = 5,          /* ICMP said so before anything was answered */
	WEIR_CLOSE_IDLE = 6,                 /* no packet for the idle timeout */
	WEIR_CLOSE_UNWATCHED = 7,            /* the interface went, or is not watched any more */
	WEIR_CLOSE_REPLACED = 8,             /* a SYN began another connection of the same 5-tuple */
};

/* Bits of weir_flow_record.flags */
#define WEIR_FLAG_INITIATOR_GUESSED (1 << 0) /* no handshake was seen: the sender of the first packet is taken */
#define WEIR_FLAG_ANSWERED (1 << 1)          /* a reply was seen that is no refusal (TCP: SYN+ACK or data) */
#define WEIR_FLAG_REFUSED (1 << 2)           /* answered by RST to the SYN, or by ICMP unreachable */
#define WEIR_FLAG_FRAGMENTS (1 << 3)         /* counts include fragments */
#define WEIR_FLAG_IPV6 (1 << 4)
#define WEIR_FLAG_BEFORE_START (1 << 5)      /* TCP, open before it was first seen: nothing of its beginning is known */

/*
 * One connection's activity at one interface since its last record, both ways. Of what is measured
 * or found out, 0 is unknown.
 */
struct weir_flow_record {
	__u64 time;    /* when the record was made */
	__u64 first;   /* first packet of the connection */
	__u64 last;    /* latest packet of the connection, to a tick of the kernel (1 to 10 ms) */
	__u64 sequence; /* per CPU and boot, of ring records; 0 from the sweep */
	__u64 packets; /* deltas from here: source to destination */
	__u64 bytes;   /* of the IP layer */
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 process; /* weir_process_key of the endpoint's own side; 0: unknown. On the bus: 1 + index into `processes` */
	__u8 src_addr[16]; /* the initiator */
	__u8 dst_addr[16];
	__u32 ifindex;
	__u32 generation; /* of the policy that gave the verdict, 0 before any */
	__u32 rule;       /* id in that generation's table of reasons, 0 for none */
	__u32 handshake_rtt_us; /* to the other end and back: SYN to SYN+ACK at the initiator, SYN+ACK to ACK at the responder */
	__u32 srtt_us;       /* smoothed, as the endpoint's own socket has it: the latest known */
	__u32 retransmits;   /* delta: segments that the endpoint's own socket sent again */
	__u32 first_byte_us; /* first payload of the initiator to first payload of the answer */
	__u32 dns;           /* id of the name that was asked for. On the bus: 1 + index into `names` */
	__u16 src_port;   /* ICMP: echo identifier, else 0 */
	__u16 dst_port;   /* ICMP: 0 */
	__u16 cpu;
	__u8 protocol;    /* IANA number */
	__u8 direction;   /* enum weir_direction */
	__u8 verdict;     /* enum weir_verdict */
	__u8 reason;      /* enum weir_reason */
	__u8 kind;        /* enum weir_kind */
	__u8 flags;       /* WEIR_FLAG_* */
	__u8 tcp_flags;   /* OR of all seen, source to destination */
	__u8 reply_tcp_flags;
	__u8 connections; /* connections opened since the last record: 1 in a connection's first, else 0 */
	__u8 close_reason; /* enum weir_close_reason */
};

/*
 * A process is named by its id and when it began, both as /proc/PID/stat has them: ids come again.
 * The key is `start_ticks << 22 | pid`, start in ticks of 10 ms since boot; an id has 22 bits.
 */
#define WEIR_PROCESS_PID_BITS 22
#define WEIR_PROCESS_TICK_NS 10000000

/* Map `processes`: weir_process_key -> what was known of it when it opened its latest socket. */
struct weir_process {
	__u64 cgroup_id; /* inode of its folder in the cgroup v2 hierarchy */
	__u64 start_ns;  /* since boot, CLOCK_BOOTTIME */
	__u32 pid;
	__u32 uid;
	__u8 comm[16];
};

/*
 * Per CPU and interface: what came, whatever became of it. Nothing evicts it.
 * from + to = what all flow records of the interface add up to, both ways, + untracked. Malformed and
 * other packets stand beside that sum.
 */
struct weir_odometer {
	__u64 from_packets; /* from the workload: IP, parsed, dropped or not */
	__u64 from_bytes;   /* of the IP layer */
	__u64 to_packets;   /* to the workload */
	__u64 to_bytes;
	__u64 other_packets; /* not IP: ARP and the like, in both directions; in no flow */
	__u64 malformed_packets; /* IP headers that do not parse; in no flow */
	__u64 malformed_bytes;
	__u64 untracked_packets; /* in from/to, of connections without an entry; in no flow */
	__u64 untracked_bytes;
	__u64 denied_packets; /* dropped by a verdict; malformed ones are not in it */
	__u64 untracked_connections; /* without an entry: the interface had its share, or the map was full */
	__u64 late_edges; /* that were not told when they happened; what they carry came with the sweep */
};

/* Index of the per-CPU array `drops`: records lost on the way to user space. */
enum weir_drop {
	WEIR_DROP_RING_FULL = 0,  /* an edge found no room; its deltas stay in the map for the sweep */
	WEIR_DROP_MAP_FULL = 1,  /* a connection found the flow map full: its packets are untracked */
	WEIR_DROP_FRAGMENT_MAP = 2,
	WEIR_DROP_FLOWS_CREATED = 3, /* created - deleted = live */
	WEIR_DROP_FLOWS_DELETED = 4,
	WEIR_DROP_PEER_GONE = 5, /* no record: the packet's pod was going, and the packet went the long way */
	WEIR_DROP_UNCOUNTED = 6, /* no record: no odometer could be made for the packet's interface */
	WEIR_DROP_FLOW_SHARE = 7, /* a connection of an interface that had its share of the flow map */
	WEIR_DROP_EDGE_BUDGET = 8, /* an edge of an interface that had used up its budget; as RING_FULL */
	WEIR_DROP_EDGE_MERGED = 9, /* of both: its deltas are told under the verdict that came after */
	WEIR_DROP_EDGE_TAKEN = 10, /* before Linux 5.12: another CPU was just telling the flow; as RING_FULL */
	WEIR_DROP_FLOW_GONE = 11, /* a packet met an entry that was just being deleted: it is untracked */
	WEIR_DROP_MAX = 16,
};

/* Most bytes of a DNS message that is copied: what an Ethernet packet holds unfragmented. */
#define WEIR_ANSWER_BYTES_MAX 1472

/* A record of the ring `answers`: a DNS answer that a workload got, followed by its message. */
struct weir_answer {
	__u64 time;
	__u32 ifindex; /* of the workload that asked */
	__u32 bytes;   /* of the message, 12..WEIR_ANSWER_BYTES_MAX */
};

/* Index of the per-CPU array `answer_counts`. */
enum weir_answers {
	WEIR_ANSWERS_KEPT = 0,
	WEIR_ANSWERS_RING_FULL = 1, /* lost: no room in the ring */
	WEIR_ANSWERS_UNFIT = 2,     /* lost: shorter than a header, or larger than is copied */
	WEIR_ANSWERS_OVER_BUDGET = 3, /* lost: the interface had more than its share lately */
	WEIR_ANSWERS_MAX = 4,
};

enum weir_mode {
	WEIR_MODE_OBSERVE = 0, /* never a terminal verdict */
	WEIR_MODE_SHADOW = 1,  /* verdict recorded, packet passes */
	WEIR_MODE_ENFORCE = 2,
};

/* Map `endpoints`: ifindex -> what the interface is. */
struct weir_endpoint {
	__u32 mode_limit; /* enum weir_mode: the most this interface may do; the machine's own only observe */
	__u32 inverted;   /* 0: a workload's veth, its ingress is "from"; 1: the machine's own, its egress is */
	__u32 closed_until_known; /* 1: while the policy in force does not know it, it is denied, not unisolated */
	__u32 pad;
};

/*
 * Map `local_addresses`: address -> ifindex of the node's end of the pod's veth, where weir wired
 * both. Map `redirect`, one element: counts up with every change of that map, so that what flows
 * remember of it is looked up anew; 0: no packet is redirected.
 */
struct weir_redirect {
	__u32 version;
};

/*
 * Map `policy_epoch`, one element: counts up at every switch. Its lowest bit is the slot of
 * `policy_state`, `identities`, `rules` and `endpoint_policies` to read, so that one word decides
 * everything and no packet sees half a switch. A flow judged under another epoch is judged anew.
 */
struct weir_policy_epoch {
	__u32 epoch;
};

/* Map `policy_state`, an element per slot: what the slot holds. */
struct weir_policy_state {
	__u32 generation; /* stamped on flows */
	__u32 revision;   /* of the policy set, for reports */
	__u32 mode;       /* enum weir_mode */
	__u32 pad;
};

/* `identities`: LPM, address -> identity (31 bits) and WEIR_IDENTITY_NODE_FLAG. */
struct weir_identity_key {
	__u32 prefix_bits; /* 0..128 */
	__u8 addr[16];
};

/* `rules`: LPM, 64 fixed bits then protocol and port as far as the rule names them. */
struct weir_rule_key {
	__u32 prefix_bits; /* 64 (any protocol), 72 (any port), 72+n (port prefix) .. 88 */
	__u32 rule_set;
	__u32 identity;    /* 0: any peer */
	__u8 protocol;
	__u8 port_be[2];   /* big endian, so that a prefix is a range */
	__u8 pad;
};

struct weir_rule {
	__u32 rule; /* id in the generation's table of reasons */
};

/* `endpoint_policies`: ifindex -> rule sets. 0: not isolated in that direction. */
struct weir_endpoint_policy {
	__u32 ingress_rule_set;
	__u32 egress_rule_set;
};

/* Map `settings`, one element; a 0 stands for the default in brackets. */
struct weir_settings {
	__u64 active_timeout_ns;          /* an open flow is reported at least this often [10 s] */
	__u64 tcp_opening_timeout_ns;     /* idle, not answered yet [60 s] */
	__u64 tcp_established_timeout_ns; /* idle, answered [7500 s: RFC 5382 wants 2 h 4 min] */
	__u64 tcp_closed_timeout_ns;      /* idle after FIN both ways or RST, so that stragglers count [2 s] */
	__u64 udp_timeout_ns;             /* [60 s] */
	__u64 icmp_timeout_ns;            /* [30 s] */
	__u64 other_timeout_ns;           /* every other protocol [600 s] */
	__u64 edge_interval_ns;           /* an interface may tell an edge this often [10 us] */
	__u64 edge_burst_ns;              /* and after a rest as many as this time has intervals [20 ms] */
	__u32 flows_max;   /* size of the map `flows`; 0: no interface has a bound of its own */
	__u32 flows_share; /* an interface may have so many entries for each that is free [4] */
	__u32 flush;                      /* 1: report everything now, forget flows without an endpoint */
	__u32 pad;
};

/* Identities below WEIR_IDENTITY_FIRST are reserved. */
#define WEIR_IDENTITY_WORLD 0 /* no entry matched */
#define WEIR_IDENTITY_FIRST 16
/* Set beside the identity where the address is one of the endpoint's own node: it may always come in. */
#define WEIR_IDENTITY_NODE_FLAG (1u << 31)

#endif
