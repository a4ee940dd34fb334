// SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0)
/*
 * What flow.bpf.o needs of the kernel and flow-before-5.12.bpf.o does without: where this loads, the
 * first one is taken. Tried out, because distributions bring features to old versions.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u64 taken = 0;

__noinline int take(__u64 *from)
{
	return from ? __sync_lock_test_and_set(&taken, *from) + bpf_ktime_get_coarse_ns() : 0;
}

SEC("tc")
int probe(struct __sk_buff *skb)
{
	__u64 packets = skb->len;
	__u32 mtu = 0;

	return take(&packets) + bpf_check_mtu(skb, 0, &mtu, 0, 0);
}
