/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The time to a tick of the kernel, for the price of reading a word. */
#ifndef WEIR_TICK_H
#define WEIR_TICK_H

#include "kernel.h"

/*
 * The coarse clock as it was when this tick was first seen, by whichever CPU. The verifier inlines
 * jiffies; the clock itself is a call, which costs more than the rest of an odometer. CPUs that
 * write at once write the same tick.
 */
struct tick {
	__u64 jiffies;
	__u64 now;
} __attribute__((aligned(64)));

struct tick tick SEC(".bss");

static __always_inline __u64 tick_now(void)
{
	__u64 jiffies = bpf_jiffies64();

	if (*(volatile __u64 *)&tick.jiffies != jiffies) {
		*(volatile __u64 *)&tick.now = TICK_CLOCK_NS();
		*(volatile __u64 *)&tick.jiffies = jiffies;
	}
	return *(volatile __u64 *)&tick.now;
}

#endif
