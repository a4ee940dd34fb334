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
#include "fragments.h"
#include "odometer.h"
#include "parse.h"
#include "quoted.h"
#include "sweep.h"

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
	enum weir_drop drop;
	enum weir_mode mode;
	struct weir_flow_record record;
	struct weir_odometer odometer;
	/* clang 14 leaves the types of inner maps as forward declarations unless they are used here. */
	struct weir_identity_key identity_key;
	struct weir_rule_key rule_key;
	struct weir_rule rule;
	struct weir_endpoint_policy endpoint_policy;
};
const struct wire_types *wire_types __attribute__((unused));

/* The kernel knows no "GPL or Apache": what is loaded is loaded under the GPL. */
char LICENSE[] SEC("license") = "GPL";

static __always_inline struct flow *find_or_open(const struct passage *passage,
						 struct judgement *judgement)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &passage->key);
	int opened;

	if (flow) {
		refresh_flow(passage, flow);
		return flow;
	}
	opened = open_flow(passage, judgement);
	flow = bpf_map_lookup_elem(&flows, &passage->key);
	if (flow && opened && judgement->verdict != WEIR_DENIED)
		emit(&passage->key, flow, WEIR_OPENED);
	return flow;
}

static __always_inline int watch(struct __sk_buff *skb, bool from_local, bool layer3)
{
	__u32 ifindex = skb->ifindex;
	struct weir_odometer *odometer = odometer_of(ifindex);
	struct judgement judgement = {};
	struct passage passage = {};
	struct packet packet = {};
	struct flow *flow;
	enum parsed parsed = parse(skb, &packet, layer3);

	if (!odometer)
		return PASS;
	if (parsed == NOT_IP) {
		odometer->other_packets++;
		return PASS;
	}
	if (parsed == MALFORMED) {
		odometer->malformed_packets++;
		odometer->malformed_bytes += skb->len - packet.network_offset;
		return refuses_malformed(ifindex, from_local) ? DROP : PASS;
	}
	passage.now = bpf_ktime_get_coarse_ns();
	passage.epoch = current_epoch();
	if (packet.fragment)
		resolve_fragment(&packet, ifindex, passage.now);
	count_passage(odometer, &packet, from_local);
	set_passage(&passage, &packet, ifindex, from_local);
	if (packet.unreachable)
		mark_refused(skb, &packet, from_local);
	flow = find_or_open(&passage, &judgement);
	if (!flow) {
		count_drop(WEIR_DROP_MAP_FULL);
		odometer->untracked_packets += packet.packets;
		odometer->untracked_bytes += packet.bytes;
		return judgement.verdict == WEIR_DENIED ? DROP : PASS;
	}
	count_in_flow(&passage, flow);
	if (flow->verdict != WEIR_DENIED)
		return PASS;
	odometer->denied_packets += packet.packets;
	return DROP;
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
	__u32 zero = 0;
	bool over;

	tuned = bpf_map_lookup_elem(&settings, &zero);
	if (!key || !flow || !tuned)
		return 0;
	gone = *key;
	over = is_past(now, flow->last, idle_timeout_ns(tuned, &gone, flow));
	if (tuned->flush && !bpf_map_lookup_elem(&endpoints, &gone.ifindex))
		over = true;
	if (has_deltas(flow) && (over || is_due(tuned, flow, now))) {
		describe(&record, &gone, flow, over ? WEIR_IDLE : WEIR_ACTIVE, now);
		take_deltas(&record, flow);
		if (bpf_seq_write(seq, &record, sizeof(record))) {
			give_back_deltas(&record, flow);
			return 0;
		}
		flow->reported = now;
	}
	if (over && !has_deltas(flow) && !bpf_map_delete_elem(&flows, &gone))
		count_drop(WEIR_DROP_FLOWS_DELETED);
	else
		__sync_fetch_and_add(&swept_flows, 1);
	return 0;
}
