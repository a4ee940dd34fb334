/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* A program no verifier lets pass. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} cells SEC(".maps");

SEC("tc")
int reads_null(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *cell = bpf_map_lookup_elem(&cells, &zero);

	return *cell;
}

char _license[] SEC("license") = "GPL";
