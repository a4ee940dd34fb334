/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* One program per kind of hook; each counts what the test's own process does there. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

const volatile __u32 own_pid = 0;

__u64 tracepoint_hits;
__u64 tracepoint_cookie;
__u64 raw_tracepoint_hits;
__u64 btf_tracepoint_hits;
__u64 uprobe_hits;
__u64 uprobe_cookie;
__u64 return_hits;
__u64 returned;
__u64 connects;
__u64 frames;

static bool is_own(void)
{
	return bpf_get_current_pid_tgid() >> 32 == own_pid;
}

SEC("tracepoint")
int on_tracepoint(void *ctx)
{
	if (!is_own())
		return 0;
	__sync_fetch_and_add(&tracepoint_hits, 1);
	tracepoint_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("raw_tp")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx->args[0];

	if (BPF_CORE_READ(parent, tgid) == own_pid)
		__sync_fetch_and_add(&raw_tracepoint_hits, 1);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork_typed(__u64 *ctx)
{
	if (is_own())
		__sync_fetch_and_add(&btf_tracepoint_hits, 1);
	return 0;
}

SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&uprobe_hits, 1);
	uprobe_cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("uretprobe")
int on_return(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&return_hits, 1);
	returned = PT_REGS_RC(ctx);
	return 0;
}

/* 0: EPERM for whoever connects */
SEC("cgroup/connect4")
int refuse_connect(struct bpf_sock_addr *ctx)
{
	__sync_fetch_and_add(&connects, 1);
	return 0;
}

SEC("xdp")
int count_frames(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&frames, 1);
	return XDP_PASS;
}

SEC("xdp")
int drop_frames(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&frames, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
