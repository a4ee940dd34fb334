/* SPDX-License-Identifier: Apache-2.0 */
/* tc filters on the clsact qdisc: where TCX is missing. */
#include <errno.h>

#include <bpf/libbpf.h>

#include "addon.h"

struct hook_arguments {
	struct netns_visit visit;
	struct bpf_tc_hook hook;
	char path[PATH_BYTES];
};

/* (netns, ifindex, direction: 1 ingress, 2 egress) from `index` on */
static void argument_hook(struct call *call, size_t index, struct hook_arguments *arguments)
{
	uint32_t direction;

	argument_string(call, index, arguments->path, sizeof(arguments->path));
	arguments->hook.sz = sizeof(arguments->hook);
	arguments->hook.ifindex = argument_u32(call, index + 1);
	direction = argument_u32(call, index + 2);
	arguments->hook.attach_point = direction == 1 ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

/* With the last filter of a hook its chain goes too, which the kernel calls EINVAL. */
static int none_there(int error)
{
	return error == -EINVAL ? -ENOENT : error;
}

static napi_value describe_filter(struct call *call, const struct bpf_tc_opts *options)
{
	napi_value result = result_object(call);

	set_u32(call, result, "programId", options->prog_id);
	set_u32(call, result, "handle", options->handle);
	set_u32(call, result, "priority", options->priority);
	return result;
}

/* (program, netns, ifindex, direction, handle, priority, replace) -> { programId, handle, priority } */
EXPORTED(clsact_attach)
{
	LIBBPF_OPTS(bpf_tc_opts, options);
	struct hook_arguments at = {};
	struct call call;
	int error;

	call_begin(&call, env, info);
	options.prog_fd = argument_fd(&call, 0, HANDLE_PROGRAM);
	argument_hook(&call, 1, &at);
	options.handle = argument_u32(&call, 4);
	options.priority = argument_u32(&call, 5);
	options.flags = argument_bool(&call, 6) ? BPF_TC_F_REPLACE : 0;
	if (call.error)
		return return_error(&call);
	error = netns_enter(&at.visit, at.path);
	if (error)
		return return_status(&call, error);
	error = bpf_tc_hook_create(&at.hook);
	if (!error || error == -EEXIST)
		error = bpf_tc_attach(&at.hook, &options);
	netns_leave(&at.visit);
	return error ? return_status(&call, error) : describe_filter(&call, &options);
}

/* (netns, ifindex, direction, handle, priority) */
EXPORTED(clsact_detach)
{
	LIBBPF_OPTS(bpf_tc_opts, options);
	struct hook_arguments at = {};
	struct call call;
	int error;

	call_begin(&call, env, info);
	argument_hook(&call, 0, &at);
	options.handle = argument_u32(&call, 3);
	options.priority = argument_u32(&call, 4);
	if (call.error)
		return return_error(&call);
	error = netns_enter(&at.visit, at.path);
	if (error)
		return return_status(&call, error);
	error = none_there(bpf_tc_detach(&at.hook, &options));
	netns_leave(&at.visit);
	return return_status(&call, error);
}

/* (netns, ifindex, direction, handle, priority) -> { programId, handle, priority } */
EXPORTED(clsact_query)
{
	LIBBPF_OPTS(bpf_tc_opts, options);
	struct hook_arguments at = {};
	struct call call;
	int error;

	call_begin(&call, env, info);
	argument_hook(&call, 0, &at);
	options.handle = argument_u32(&call, 3);
	options.priority = argument_u32(&call, 4);
	if (call.error)
		return return_error(&call);
	error = netns_enter(&at.visit, at.path);
	if (error)
		return return_status(&call, error);
	error = none_there(bpf_tc_query(&at.hook, &options));
	netns_leave(&at.visit);
	return error ? return_status(&call, error) : describe_filter(&call, &options);
}
