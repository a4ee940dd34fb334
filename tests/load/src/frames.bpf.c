/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Real frames for the bench `capture`: BPF_PROG_TEST_RUN with live frames hands what these programs
 * write to the interface's receive path, where the programs under test are attached. A connection is
 * a SYN and an RST, so it is opened and closed on the ring and one row in the end. What was handed
 * over is counted here, by nobody under test.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

#define FRAME_BYTES 54
#define TCP_SYN 0x02
#define TCP_RST_ACK 0x14
#define HOSTS 256
#define PORTS_PER_HOST 128 /* they come again, as those of a busy client do */

#define SERVER_PORT 8080

volatile const __u32 source_be = 0;    /* the pod's address */
volatile const __u32 destinations = 0; /* host order, of a /16 */

__u64 frames = 0;     /* handed over, over all runs */
__u64 probes = 0;     /* the same of probes */
__u32 probe_port = 0; /* not 0: a run is a probe, a connection to this port */

static __always_inline int write_frame(struct xdp_md *context, __u32 host, __u16 from, __u16 to,
				       __u8 flags)
{
	__u8 *data = (void *)(long)context->data;
	__u8 *end = (void *)(long)context->data_end;
	struct iphdr *ip;
	struct tcphdr *tcp;

	if (data + FRAME_BYTES > end)
		return XDP_ABORTED;
	ip = (void *)(data + 14);
	tcp = (void *)(data + 34);
	/* Nobody's address: past the hook under test the stack lets go of it. */
	__builtin_memset(data, 0x02, 12);
	*(__be16 *)(data + 12) = bpf_htons(0x0800);
	__builtin_memset(ip, 0, 40);
	*(__u8 *)ip = 0x45;
	ip->tot_len = bpf_htons(40);
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = source_be;
	ip->daddr = bpf_htonl(destinations + host);
	tcp->source = bpf_htons(from);
	tcp->dest = bpf_htons(to);
	*((__u8 *)tcp + 12) = 0x50;
	*((__u8 *)tcp + 13) = flags;
	return XDP_PASS;
}

static __always_inline __u8 flags_of(__u64 frame)
{
	return frame & 1 ? TCP_RST_ACK : TCP_SYN;
}

SEC("xdp")
int connections(struct xdp_md *context)
{
	__u64 number = frames / 2;
	__u64 tuple = number / HOSTS;
	__u64 frame;

	if (probe_port) {
		frame = probes++;
		return write_frame(context, HOSTS, 999, probe_port, flags_of(frame));
	}
	frame = frames++;
	return write_frame(context, number % HOSTS, 1024 + tuple % PORTS_PER_HOST, SERVER_PORT,
			   flags_of(frame));
}

/* At the interface, for its receive queue to take such frames. */
SEC("xdp")
int take(struct xdp_md *context)
{
	return XDP_PASS;
}
