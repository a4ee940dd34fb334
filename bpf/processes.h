/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Whose a socket is: noted where it is made, in the process that makes it, and kept with the socket
 * itself. An accepted socket begins with a copy of its listener's note; who first receives on it
 * makes it its own, so that a worker is told from who forked it.
 *
 * Not loaded unless asked for ("?"): each of these hooks may be missing, and only its part with it.
 */
#ifndef WEIR_PROCESSES_H
#define WEIR_PROCESSES_H

#include "maps.h"

#define FAMILY_INET 2
#define FAMILY_INET6 10

static __always_inline __u64 process_key(const struct task_struct *leader)
{
	return leader->start_boottime / WEIR_PROCESS_TICK_NS << WEIR_PROCESS_PID_BITS | leader->tgid;
}

static __always_inline bool is_as_known(const struct weir_process *known, const struct weir_process *now)
{
	const __u64 *comm = (const __u64 *)known->comm;
	const __u64 *other = (const __u64 *)now->comm;

	return known->cgroup_id == now->cgroup_id && known->uid == now->uid && comm[0] == other[0] &&
	       comm[1] == other[1];
}

/* A look costs a tenth of writing; a process may have become another program since. */
static __always_inline __u64 remember_process(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	__u64 key = process_key(leader);
	struct weir_process *known = bpf_map_lookup_elem(&processes, &key);
	struct weir_process process = {
		.cgroup_id = leader->cgroups->dfl_cgrp->kn->id,
		.start_ns = leader->start_boottime,
		.pid = leader->tgid,
		.uid = leader->cred->uid.val,
	};

	bpf_probe_read_kernel(process.comm, sizeof(process.comm), leader->comm);
	if (!known || !is_as_known(known, &process))
		bpf_map_update_elem(&processes, &key, &process, BPF_ANY);
	return key;
}

/* Never stands in the way: 1 lets the socket be made. */
SEC("?cgroup/sock_create")
int socket_made(struct bpf_sock *sk)
{
	struct socket_owner *owner = bpf_sk_storage_get(&socket_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (owner) {
		owner->process = remember_process(bpf_get_current_task_btf());
		owner->socket = bpf_get_socket_cookie(sk);
	}
	return 1;
}

/* In an accepted socket lies a copy of its listener's note, which names another socket. */
SEC("?tp_btf/sock_recv_length")
int socket_received(__u64 *context)
{
	struct sock *sk = (struct sock *)context[0];
	struct socket_owner *owner = bpf_sk_storage_get(&socket_owners, sk, 0, 0);
	__u64 cookie;

	if (!owner)
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	if (cookie == owner->socket)
		return 0;
	owner->process = remember_process(bpf_get_current_task_btf());
	owner->socket = cookie;
	return 0;
}

/* Sockets that were open before the programs came: whoever has one first among the processes. */
SEC("?iter/task_file")
int open_sockets(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct socket_owner *owner;
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	if (family != FAMILY_INET && family != FAMILY_INET6)
		return 0;
	owner = bpf_sk_storage_get(&socket_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner && !owner->process) {
		owner->socket = bpf_get_socket_cookie(sk);
		owner->process = remember_process(task);
	}
	return 0;
}

#endif
