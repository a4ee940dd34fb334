/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* An iterator over a hash map that reports entries and marks them as reported. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct entry {
	__u64 total;
	__u64 reported;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct entry);
} entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct entry);
} others SEC(".maps");

SEC("iter/bpf_map_elem")
int report(struct bpf_iter__bpf_map_elem *ctx)
{
	struct entry *entry = ctx->value;
	__u32 *key = ctx->key;
	__u64 out[2];

	if (!key || !entry || entry->total == entry->reported)
		return 0;
	out[0] = *key;
	out[1] = entry->total - entry->reported;
	if (bpf_seq_write(ctx->meta->seq, out, sizeof(out)) == 0)
		entry->reported = entry->total;
	return 0;
}

char _license[] SEC("license") = "GPL";
