/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, and runs of programs on given data. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

EXPORTED(possible_cpus)
{
	struct call call;

	call_begin(&call, env, info);
	return return_status(&call, libbpf_num_possible_cpus());
}

/* 1: there, 0: not, negative: unknown */
EXPORTED(probe_program)
{
	struct call call;
	uint32_t type;

	call_begin(&call, env, info);
	type = argument_u32(&call, 0);
	if (call.error)
		return return_error(&call);
	return return_status(&call, libbpf_probe_bpf_prog_type(type, NULL));
}

EXPORTED(probe_map)
{
	struct call call;
	uint32_t type;

	call_begin(&call, env, info);
	type = argument_u32(&call, 0);
	if (call.error)
		return return_error(&call);
	return return_status(&call, libbpf_probe_bpf_map_type(type, NULL));
}

static enum bpf_attach_type attach_type_for(uint32_t program_type)
{
	switch (program_type) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return BPF_CGROUP_INET4_CONNECT;
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return BPF_CGROUP_GETSOCKOPT;
	case BPF_PROG_TYPE_SK_LOOKUP:
		return BPF_SK_LOOKUP;
	default:
		return 0;
	}
}

/* What the verifier says since Linux 6.11; libbpf before 1.5 takes it for a yes. */
static bool helper_is_refused(uint32_t type, uint32_t helper)
{
	struct bpf_insn instructions[] = {{.code = BPF_JMP | BPF_CALL, .imm = helper}, {.code = BPF_JMP | BPF_EXIT}};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_buf = log, .log_size = sizeof(log), .log_level = 1,
		    .expected_attach_type = attach_type_for(type));
	int program = bpf_prog_load(type, "probe", "GPL", instructions, 2, &options);

	if (program >= 0)
		close(program);
	return program < 0 && strstr(log, "program of this type cannot use helper");
}

/* (program type, helper id) */
EXPORTED(probe_helper)
{
	struct call call;
	uint32_t type, helper;
	int there;

	call_begin(&call, env, info);
	type = argument_u32(&call, 0);
	helper = argument_u32(&call, 1);
	if (call.error)
		return return_error(&call);
	there = libbpf_probe_bpf_helper(type, helper, NULL);
	return return_status(&call, there > 0 && helper_is_refused(type, helper) ? 0 : there);
}

/* (program, dataIn?, dataOut?, ctxIn?, ctxOut?, repeat, flags) -> { retval, durationNs, dataBytes, ctxBytes } */
EXPORTED(test_run)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct bytes parts[4] = {};
	struct call call;
	napi_value result;
	int program, error;

	call_begin(&call, env, info);
	program = argument_fd(&call, 0, HANDLE_PROGRAM);
	for (int i = 0; i < 4; i++)
		if (argument_given(&call, i + 1))
			parts[i] = argument_bytes(&call, i + 1);
	options.repeat = argument_s32(&call, 5);
	options.flags = argument_u32(&call, 6);
	if (call.error)
		return return_error(&call);
	options.data_in = parts[0].data;
	options.data_size_in = parts[0].length;
	options.data_out = parts[1].data;
	options.data_size_out = parts[1].length;
	options.ctx_in = parts[2].data;
	options.ctx_size_in = parts[2].length;
	options.ctx_out = parts[3].data;
	options.ctx_size_out = parts[3].length;
	error = bpf_prog_test_run_opts(program, &options);
	if (error)
		return return_status(&call, error);
	result = result_object(&call);
	set_u32(&call, result, "retval", options.retval);
	set_u32(&call, result, "durationNs", options.duration);
	set_u32(&call, result, "dataBytes", options.data_size_out);
	set_u32(&call, result, "ctxBytes", options.ctx_size_out);
	return result;
}
