/* SPDX-License-Identifier: Apache-2.0 */
/* BPF links: programs at their hooks, each a file descriptor. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

/*
 * The part of union bpf_attr that BPF_LINK_CREATE reads for TCX (Linux 6.6): older headers and
 * libbpf before 1.3 have no words for it.
 */
struct tcx_attributes {
	__u32 program_fd;
	__u32 ifindex;
	__u32 attach_type;
	__u32 flags;
	__u32 relative;
	__u32 unused;
	__u64 expected_revision;
};

static int bpf_call(int command, void *attributes, size_t size)
{
	long result = syscall(__NR_bpf, command, attributes, size);

	return result < 0 ? -errno : (int)result;
}

/* (program, netns, ifindex, attachType, flags, relative program or link or undefined) -> handle */
EXPORTED(link_tcx)
{
	struct call call;
	struct netns_visit visit;
	struct tcx_attributes attributes = {};
	char path[PATH_BYTES];
	int error;

	call_begin(&call, env, info);
	attributes.program_fd = argument_fd(&call, 0, HANDLE_PROGRAM);
	argument_string(&call, 1, path, sizeof(path));
	attributes.ifindex = argument_u32(&call, 2);
	attributes.attach_type = argument_u32(&call, 3);
	attributes.flags = argument_u32(&call, 4);
	if (argument_given(&call, 5))
		attributes.relative = argument_fd(&call, 5, attributes.flags & (1u << 13) ? HANDLE_LINK : HANDLE_PROGRAM);
	if (call.error)
		return return_error(&call);
	error = netns_enter(&visit, path);
	if (!error)
		error = bpf_call(BPF_LINK_CREATE, &attributes, sizeof(attributes));
	netns_leave(&visit);
	return handle_of_fd(&call, HANDLE_LINK, error);
}

/* (program, netns, target fd or ifindex, attachType, flags) -> handle */
EXPORTED(link_create)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	struct call call;
	struct netns_visit visit;
	char path[PATH_BYTES];
	uint32_t target, attach_type;
	int program, error;

	call_begin(&call, env, info);
	program = argument_fd(&call, 0, HANDLE_PROGRAM);
	argument_string(&call, 1, path, sizeof(path));
	target = argument_u32(&call, 2);
	attach_type = argument_u32(&call, 3);
	options.flags = argument_u32(&call, 4);
	if (call.error)
		return return_error(&call);
	error = netns_enter(&visit, path);
	if (!error)
		error = bpf_link_create(program, target, attach_type, &options);
	netns_leave(&visit);
	return handle_of_fd(&call, HANDLE_LINK, error);
}

/* (program, name, or "" for tp_btf whose name is in the program) -> handle */
EXPORTED(link_raw_tracepoint)
{
	struct call call;
	char name[NAME_BYTES];
	int program;

	call_begin(&call, env, info);
	program = argument_fd(&call, 0, HANDLE_PROGRAM);
	argument_string(&call, 1, name, sizeof(name));
	if (call.error)
		return return_error(&call);
	return handle_of_fd(&call, HANDLE_LINK, bpf_raw_tracepoint_open(name[0] ? name : NULL, program));
}

/* (program, map or undefined) -> handle */
EXPORTED(link_iterator)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	union bpf_iter_link_info target = {};
	struct call call;
	int program;

	call_begin(&call, env, info);
	program = argument_fd(&call, 0, HANDLE_PROGRAM);
	if (argument_given(&call, 1)) {
		target.map.map_fd = argument_fd(&call, 1, HANDLE_MAP);
		options.iter_info = &target;
		options.iter_info_len = sizeof(target);
	}
	if (call.error)
		return return_error(&call);
	return handle_of_fd(&call, HANDLE_LINK, bpf_link_create(program, 0, BPF_TRACE_ITER, &options));
}

/* (link, new program, expected program or undefined) */
EXPORTED(link_update)
{
	LIBBPF_OPTS(bpf_link_update_opts, options);
	struct call call;
	int link, program;

	call_begin(&call, env, info);
	link = argument_fd(&call, 0, HANDLE_LINK);
	program = argument_fd(&call, 1, HANDLE_PROGRAM);
	if (argument_given(&call, 2)) {
		options.flags = BPF_F_REPLACE;
		options.old_prog_fd = argument_fd(&call, 2, HANDLE_PROGRAM);
	}
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_link_update(link, program, &options));
}

EXPORTED(link_detach)
{
	struct call call;
	int link;

	call_begin(&call, env, info);
	link = argument_fd(&call, 0, HANDLE_LINK);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_link_detach(link));
}

/* (link) -> iterator */
EXPORTED(iterator_open)
{
	struct call call;
	int link;

	call_begin(&call, env, info);
	link = argument_fd(&call, 0, HANDLE_LINK);
	if (call.error)
		return return_error(&call);
	return handle_of_fd(&call, HANDLE_ITERATOR, bpf_iter_create(link));
}

/* (iterator, buffer) -> bytes, 0 at the end */
EXPORTED(iterator_read)
{
	struct call call;
	struct bytes buffer;
	ssize_t length;
	int fd;

	call_begin(&call, env, info);
	fd = argument_fd(&call, 0, HANDLE_ITERATOR);
	buffer = argument_bytes(&call, 1);
	if (call.error)
		return return_error(&call);
	/* EAGAIN: a million elements without output. The next read goes on behind them. */
	do
		length = read(fd, buffer.data, buffer.length);
	while (length < 0 && (errno == EINTR || errno == EAGAIN));
	return length < 0 ? return_status(&call, -errno) : return_number(&call, length);
}

/* (netns) -> 0 when the kernel knows TCX: an interface that cannot exist is what it should stumble over */
EXPORTED(probe_tcx)
{
	/* r0 = 0; exit */
	struct bpf_insn instructions[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	struct tcx_attributes attributes = {.ifindex = INT32_MAX, .attach_type = 46};
	struct call call;
	int program, error;

	call_begin(&call, env, info);
	program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", instructions, 2, NULL);
	if (program < 0)
		return return_status(&call, program);
	attributes.program_fd = program;
	error = bpf_call(BPF_LINK_CREATE, &attributes, sizeof(attributes));
	close(program);
	if (error >= 0)
		close(error);
	return return_status(&call, error == -ENODEV ? 0 : error < 0 ? error : 0);
}
