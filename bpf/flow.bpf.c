// SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0)
/*
 * What is seen and what is stopped: a program for each direction of an interface, and the sweep
 * that hands what they counted to user space. README.md tells which header holds what.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "wire.h"
#include "conntrack.h"
#include "dns.h"
#include "ending.h"
#include "entry.h"
#include "fragments.h"
#include "kernel.h"
#include "odometer.h"
#include "parse.h"
#include "plain.h"
#ifndef WEIR_BEFORE_5_12
#include "processes.h"
#endif
#include "quoted.h"
#include "redirect.h"
#include "sockets.h"
#include "sweep.h"
#include "tick.h"

/* "Next program, if there is one": TCX_NEXT and TC_ACT_UNSPEC are the same number. */
#define PASS (-1)
#define DROP 2 /* TC_ACT_SHOT, TCX_DROP */

/* Keeps every type of wire.h in the object's BTF, for the test that compares it with the schemas. */
struct wire_types {
	enum weir_abi abi;
	enum weir_direction direction;
	enum weir_verdict verdict;
	enum weir_reason reason;
	enum weir_kind kind;
	enum weir_close_reason close_reason;
	enum weir_drop drop;
	enum weir_mode mode;
	struct weir_flow_record record;
	struct weir_odometer odometer;
	struct weir_process process;
	/* clang 14 leaves the types of inner maps as forward declarations unless they are used here. */
	struct weir_identity_key identity_key;
	struct weir_rule_key rule_key;
	struct weir_rule rule;
	struct weir_endpoint_policy endpoint_policy;
	struct weir_answer answer;
	enum weir_answers answers;
};
const struct wire_types *wire_types __attribute__((unused));

/* The kernel knows no "GPL or Apache": what is loaded is loaded under the GPL. */
char LICENSE[] SEC("license") = "GPL";

/*
 * Finds or makes the packet's flow, counts it there, and gives the verdict over the packet. `skb` is
 * NULL at the receiver's end of the short way: the socket that it has is the sender's.
 */
static __always_inline __u8 pass_end(struct weir_odometer *odometer, struct __sk_buff *skb,
				     const struct passage *passage, struct flow **found)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &passage->key);
	bool gone = false;
	__u8 verdict;

	if (!flow) {
		flow = untracked_flow(&passage->key);
	} else if (!stays(&passage->key, flow)) {
		count_drop(WEIR_DROP_FLOW_GONE);
		gone = true;
		flow = NULL;
	}
	if (flow && is_forged(passage, flow)) {
		odometer->malformed_packets += passage->packets;
		odometer->malformed_bytes += passage->bytes;
		*found = NULL;
		return WEIR_DENIED;
	}
	count_passage(odometer, passage);
	if (flow) {
		verdict = refresh_flow(passage, flow);
	} else {
		struct judgement judgement;
		__u32 state = judge_state(passage, first_state(AS_PASSAGE(passage)), !passage->forwarded, &judgement);

		verdict = judgement.verdict;
		flow = gone ? NULL : open_flow(passage, &judgement, state);
	}
	*found = flow;
	if (!flow || flow->state & STATE_UNTRACKED) {
		odometer->untracked_packets += passage->packets;
		odometer->untracked_bytes += passage->bytes;
	}
	if (flow) {
		if (skb && is_worth_a_look(passage, flow))
			look_at_socket(skb, AS_ARGUMENTS(passage, flow));
		count_in_flow(passage, flow, verdict == WEIR_DENIED);
	}
	if (verdict == WEIR_DENIED)
		odometer->denied_packets += passage->packets;
	return verdict;
}

/*
 * The receiver's end of a packet that takes the short way. (Until 5.18 a key must be on the stack: the
 * copy.) A global function: the verifier looks at it once, not once for each way that leads here.
 */
__noinline int hand_over(struct __sk_buff *skb, const struct passage *sent, __u32 peer,
			 __u32 transport_offset)
{
	struct weir_odometer *odometer;
	struct passage passage;
	struct flow *flow;

	if (!sent || !can_take(skb, peer))
		return PASS;
	odometer = odometer_of(peer);
	if (!odometer)
		return PASS;
	passage = *sent;
	arrive(&passage, peer);
	if (pass_end(odometer, NULL, &passage, &flow) == WEIR_DENIED)
		return DROP;
	learn_answer(skb, &passage, flow, transport_offset);
	return bpf_redirect_peer(peer, 0);
}

static __always_inline int watch(struct __sk_buff *skb, bool from_local, bool layer3)
{
	__u32 ifindex = skb->ifindex;
	struct weir_odometer *odometer = odometer_of(ifindex);
	NEW_PACKET(packet);
	struct passage *passage = &packet->passage;
	struct flow *flow;
	__u32 peer;
	enum parsed parsed = PARSED;

	if (!packet)
		return PASS;
	if (!odometer) {
		count_drop(WEIR_DROP_UNCOUNTED);
		return refuses_unclear(ifindex, from_local) ? DROP : PASS;
	}
	if (layer3)
		parsed = parse_layer3(skb, AS_ARGUMENT(packet) from_local);
	else if (!parse_plain(skb, packet, from_local))
		parsed = parse_ethernet(skb, AS_ARGUMENT(packet) from_local);
	if (parsed == NOT_IP) {
		odometer->other_packets++;
		return PASS;
	}
	if (parsed == MALFORMED) {
		odometer->malformed_packets++;
		odometer->malformed_bytes += skb->len - packet->network_offset;
		return refuses_unclear(ifindex, from_local) ? DROP : PASS;
	}
	passage->key.ifindex = ifindex;
	passage->from_local = from_local;
	passage->forwarded = !from_local && skb->ingress_ifindex;
	passage->now = tick_now();
	/* Read once: both ends of a packet that stays on the node are judged by one state. */
	passage->epoch = current_epoch();
	if (passage->fragment)
		resolve_fragment(packet);
	if (packet->unreachable)
		mark_refused(skb, packet);
	if (pass_end(odometer, skb, passage, &flow) == WEIR_DENIED)
		return DROP;
	if (!from_local)
		learn_answer(skb, passage, flow, packet->transport_offset);
	if (!HAS_SHORT_WAY || !from_local || layer3 || !flow || !is_redirectable(packet))
		return PASS;
	peer = peer_of(passage, flow);
	return peer ? hand_over(skb, passage, peer, packet->transport_offset) : PASS;
}

SEC("tc")
int from_workload(struct __sk_buff *skb)
{
	return watch(skb, true, false);
}

SEC("tc")
int to_workload(struct __sk_buff *skb)
{
	return watch(skb, false, false);
}

SEC("tc")
int from_workload_l3(struct __sk_buff *skb)
{
	return watch(skb, true, true);
}

SEC("tc")
int to_workload_l3(struct __sk_buff *skb)
{
	return watch(skb, false, true);
}

/* Entries that the sweep has seen; the collector sets it to 0 before each. */
__u64 swept_flows = 0;

/*
 * Called for each entry of `flows`. A record that finds no room in the reader's buffer is taken
 * back: the kernel shows the entry again on the next read.
 */
SEC("iter/bpf_map_elem")
int sweep(struct bpf_iter__bpf_map_elem *context)
{
	struct seq_file *seq = context->meta->seq;
	struct flow_key *key = context->key;
	struct flow *flow = context->value;
	struct weir_flow_record record = {};
	struct weir_settings *tuned;
	struct flow_key gone;
	__u64 now = bpf_ktime_get_ns();
	__u8 end = WEIR_CLOSE_NONE;
	bool over;

	tuned = current_settings();
	if (!key || !flow || !tuned)
		return 0;
	gone = *key;
	over = is_over(tuned, &gone, flow, now);
	if (over)
		end = WEIR_CLOSE_IDLE;
	if (tuned->flush && !bpf_map_lookup_elem(&endpoints, &gone.ifindex)) {
		over = true;
		end = WEIR_CLOSE_UNWATCHED;
	}
	if (over && end == WEIR_CLOSE_IDLE && !begin_deleting(&gone, flow)) {
		over = false;
		if (!tuned->flush) {
			__sync_fetch_and_add(&swept_flows, 1);
			return 0;
		}
	}
	if ((has_deltas(flow) && (over || is_due(tuned, flow, now))) || (over && flow->connections) ||
	    (over && end == WEIR_CLOSE_IDLE && is_worth_an_end(&gone, flow))) {
		bool told = false;

		if (begin_taking(&gone)) {
			describe(&record, &gone, flow, over ? WEIR_IDLE : WEIR_ACTIVE, now);
			if (over && !record.close_reason)
				record.close_reason = end;
			take_deltas(&record, flow);
			told = !bpf_seq_write(seq, &record, sizeof(record));
			if (!told)
				give_back_deltas(&record, flow);
			end_taking(&gone);
		}
		if (!told) {
			if (over)
				give_up_deleting(flow);
			return 0;
		}
		flow->reported = now;
	}
	if (over && !has_deltas(flow) && !flow->connections && !bpf_map_delete_elem(&flows, &gone)) {
		count_live(gone.ifindex, -1);
		return 0;
	}
	if (over)
		give_up_deleting(flow);
	__sync_fetch_and_add(&swept_flows, 1);
	return 0;
}
