/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What differs on kernels before 5.12, which build.sh compiles for as well (WEIR_BEFORE_5_12): no
 * atomic operation but addition, no pointers into global functions, no bpf_check_mtu, which the short
 * way needs, no coarse clock, and no way to note whose a socket is.
 */
#ifndef WEIR_KERNEL_H
#define WEIR_KERNEL_H

#ifdef WEIR_BEFORE_5_12
#define HAS_SHORT_WAY false
#define TICK_CLOCK_NS() bpf_ktime_get_ns()
#else
#define HAS_SHORT_WAY true
#define TICK_CLOCK_NS() bpf_ktime_get_coarse_ns()
#endif

#endif
