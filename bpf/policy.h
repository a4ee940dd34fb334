/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The verdict over a connection: who is the peer, which rule set applies, does a rule match. */
#ifndef WEIR_POLICY_H
#define WEIR_POLICY_H

#include "maps.h"

/* Any interface that the policy in force does not know: 0 leaves it to the interface's own entry. */
const volatile __u32 unknown_endpoint_denied = 0;

#define RULE_BITS_FIXED 64 /* rule set and identity */
#define RULE_BITS_ALL 88   /* and protocol and port */

struct question {
	const struct flow_key *key;
	__u32 epoch;
	bool initiator_local;
	bool from_node; /* an initiator with an address of the node may be the node */
};

struct judgement {
	__u32 generation;
	__u32 rule;
	__u8 verdict;
	__u8 reason;
	__u16 pad;
};

static __always_inline __u32 current_epoch(void)
{
	__u32 zero = 0;
	struct weir_policy_epoch *epoch = bpf_map_lookup_elem(&policy_epoch, &zero);

	return epoch ? *(volatile __u32 *)&epoch->epoch : 0;
}

static __always_inline __u32 effective_mode(const struct weir_policy_state *state, __u32 ifindex)
{
	struct weir_endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &ifindex);

	if (endpoint && endpoint->mode_limit < state->mode)
		return endpoint->mode_limit;
	return state->mode;
}

/* Of an interface that the policy in force does not know: denied, or let pass as not isolated? */
static __always_inline bool denied_until_known(__u32 ifindex)
{
	struct weir_endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &ifindex);

	return unknown_endpoint_denied || (endpoint && endpoint->closed_until_known);
}

static __always_inline struct weir_endpoint_policy *endpoint_policy_of(__u32 slot, __u32 ifindex)
{
	void *inner = bpf_map_lookup_elem(&endpoint_policies, &slot);

	return inner ? bpf_map_lookup_elem(inner, &ifindex) : NULL;
}

static __always_inline __u32 rule_set_of(const struct weir_endpoint_policy *endpoint, bool egress)
{
	__u32 egress_rule_set = endpoint->egress_rule_set;
	__u32 ingress_rule_set = endpoint->ingress_rule_set;

	/* Else clang makes the bool an index, and the verifier does not know that it is 0 or 1. */
	barrier_var(egress_rule_set);
	barrier_var(ingress_rule_set);
	return egress ? egress_rule_set : ingress_rule_set;
}

static __always_inline __u32 identity_of(__u32 slot, const union address *address)
{
	void *inner = bpf_map_lookup_elem(&identities, &slot);
	struct weir_identity_key key = { .prefix_bits = 128 };
	__u32 *identity;

	if (!inner)
		return WEIR_IDENTITY_WORLD;
	__builtin_memcpy(key.addr, address, sizeof(key.addr));
	identity = bpf_map_lookup_elem(inner, &key);
	return identity ? *identity : WEIR_IDENTITY_WORLD;
}

static __always_inline struct weir_rule *rule_of(__u32 slot, __u32 rule_set, __u32 identity,
						 const struct flow_key *flow, bool initiator_local)
{
	void *inner = bpf_map_lookup_elem(&rules, &slot);
	__u16 port = initiator_local ? flow->remote_port : flow->local_port;
	bool ports = flow->class == CLASS_PORTS;
	struct weir_rule_key key = {
		.prefix_bits = ports ? RULE_BITS_ALL : RULE_BITS_FIXED,
		.rule_set = rule_set,
		.identity = identity,
		.protocol = flow->protocol,
	};
	struct weir_rule *rule;

	if (!inner)
		return NULL;
	key.port_be[0] = port >> 8;
	key.port_be[1] = port & 0xff;
	rule = bpf_map_lookup_elem(inner, &key);
	if (rule || !identity)
		return rule;
	key.identity = 0;
	return bpf_map_lookup_elem(inner, &key);
}

static __always_inline void allow(struct judgement *judgement, __u8 reason)
{
	judgement->verdict = WEIR_ALLOWED;
	judgement->reason = reason;
}

static __always_inline void deny(struct judgement *judgement, __u32 mode, __u8 reason, __u32 rule)
{
	judgement->rule = rule;
	judgement->verdict = mode == WEIR_MODE_ENFORCE ? WEIR_DENIED : WEIR_ALLOWED;
	judgement->reason = mode == WEIR_MODE_ENFORCE ? reason : WEIR_REASON_SHADOW_DENY;
}

/* Answers `question`; a function of its own, so that the established path stays short. */
static __noinline int judge(const struct question *question, struct judgement *judgement)
{
	const struct flow_key *key;
	struct weir_endpoint_policy *endpoint;
	struct weir_policy_state *state;
	struct weir_rule *rule;
	__u32 slot, mode, rule_set, identity;

	key = question->key;
	slot = question->epoch & 1;
	judgement->rule = 0;
	judgement->generation = 0;
	allow(judgement, WEIR_REASON_OBSERVED);
	state = bpf_map_lookup_elem(&policy_state, &slot);
	if (!state)
		return 0;
	mode = effective_mode(state, key->ifindex);
	if (mode == WEIR_MODE_OBSERVE)
		return 0;
	judgement->generation = state->generation;
	if (key->class == CLASS_SIGNAL) {
		allow(judgement, WEIR_REASON_ICMP);
		return 0;
	}
	endpoint = endpoint_policy_of(slot, key->ifindex);
	if (!endpoint && denied_until_known(key->ifindex)) {
		deny(judgement, mode, WEIR_REASON_DEFAULT_DENY, 0);
		return 0;
	}
	rule_set = endpoint ? rule_set_of(endpoint, question->initiator_local) : 0;
	if (!rule_set) {
		allow(judgement, WEIR_REASON_NOT_ISOLATED);
		return 0;
	}
	if (key->class == CLASS_LOST_FRAGMENT) {
		deny(judgement, mode, WEIR_REASON_FRAGMENT, 0);
		return 0;
	}
	identity = identity_of(slot, &key->remote);
	if ((identity & WEIR_IDENTITY_NODE_FLAG) && !question->initiator_local && question->from_node) {
		allow(judgement, WEIR_REASON_NODE);
		return 0;
	}
	rule = rule_of(slot, rule_set, identity & ~WEIR_IDENTITY_NODE_FLAG, key, question->initiator_local);
	if (!rule) {
		deny(judgement, mode, WEIR_REASON_DEFAULT_DENY, rule_set);
		return 0;
	}
	judgement->rule = rule->rule;
	allow(judgement, WEIR_REASON_POLICY);
	return 0;
}

static __always_inline bool is_enforced(__u32 epoch, __u32 ifindex)
{
	__u32 slot = epoch & 1;
	struct weir_policy_state *state = bpf_map_lookup_elem(&policy_state, &slot);

	return state && effective_mode(state, ifindex) == WEIR_MODE_ENFORCE;
}

/*
 * What cannot be judged: headers that do not parse name no peer, and what nothing counts is not let
 * in either. An isolated endpoint takes and sends none of it.
 */
static __always_inline bool refuses_unclear(__u32 ifindex, bool from_local)
{
	__u32 epoch = current_epoch();
	struct weir_endpoint_policy *endpoint;

	if (!is_enforced(epoch, ifindex))
		return false;
	endpoint = endpoint_policy_of(epoch & 1, ifindex);
	if (!endpoint)
		return denied_until_known(ifindex);
	return rule_set_of(endpoint, from_local);
}

#endif
