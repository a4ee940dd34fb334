/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about maps, programs and links. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

EXPORTED(map_info)
{
	struct bpf_map_info map = {};
	__u32 length = sizeof(map);
	struct call call;
	struct handle *handle;
	napi_value result;
	int error;

	call_begin(&call, env, info);
	handle = argument_handle(&call, 0, HANDLE_MAP);
	if (call.error)
		return return_error(&call);
	error = bpf_obj_get_info_by_fd(handle->fd, &map, &length);
	if (error)
		return return_status(&call, error);
	result = result_object(&call);
	set_u32(&call, result, "id", map.id);
	set_u32(&call, result, "type", map.type);
	set_string(&call, result, "name", map.name);
	set_u32(&call, result, "keySize", map.key_size);
	set_u32(&call, result, "valueSize", map.value_size);
	set_u32(&call, result, "valueBytes", map_shape_of(handle)->value_bytes);
	set_u32(&call, result, "maxEntries", map.max_entries);
	set_u32(&call, result, "flags", map.map_flags);
	set_u32(&call, result, "btfId", map.btf_id);
	set_u32(&call, result, "keyTypeId", map.btf_key_type_id);
	set_u32(&call, result, "valueTypeId", map.btf_value_type_id);
	return result;
}

EXPORTED(program_info)
{
	struct bpf_prog_info program = {};
	__u32 length = sizeof(program);
	struct call call;
	napi_value result;
	int fd, error;

	call_begin(&call, env, info);
	fd = argument_fd(&call, 0, HANDLE_PROGRAM);
	if (call.error)
		return return_error(&call);
	error = bpf_obj_get_info_by_fd(fd, &program, &length);
	if (error)
		return return_status(&call, error);
	result = result_object(&call);
	set_u32(&call, result, "id", program.id);
	set_u32(&call, result, "type", program.type);
	set_string(&call, result, "name", program.name);
	set_u32(&call, result, "btfId", program.btf_id);
	set_u32(&call, result, "instructions", program.xlated_prog_len / sizeof(struct bpf_insn));
	set_u32(&call, result, "verifiedInstructions", program.verified_insns);
	set_u64(&call, result, "runCount", program.run_cnt);
	set_u64(&call, result, "runTimeNs", program.run_time_ns);
	return result;
}

/* The start of struct bpf_link_info, with the types that older headers lack. */
struct link_description {
	__u32 type;
	__u32 id;
	__u32 program_id;
	__u32 unused;
	union {
		struct {
			__u32 ifindex;
			__u32 attach_type; /* TCX only */
		} interface;
		struct {
			__u64 id;
			__u32 attach_type;
		} cgroup;
		__u8 reserve[240];
	};
};

#define LINK_TYPE_TCX 11

EXPORTED(link_info)
{
	struct link_description link = {};
	__u32 length = sizeof(link);
	struct call call;
	napi_value result;
	int fd, error;

	call_begin(&call, env, info);
	fd = argument_fd(&call, 0, HANDLE_LINK);
	if (call.error)
		return return_error(&call);
	error = bpf_obj_get_info_by_fd(fd, &link, &length);
	if (error)
		return return_status(&call, error);
	result = result_object(&call);
	set_u32(&call, result, "id", link.id);
	set_u32(&call, result, "type", link.type);
	set_u32(&call, result, "programId", link.program_id);
	if (link.type == LINK_TYPE_TCX || link.type == BPF_LINK_TYPE_XDP)
		set_u32(&call, result, "ifindex", link.interface.ifindex);
	if (link.type == LINK_TYPE_TCX)
		set_u32(&call, result, "attachType", link.interface.attach_type);
	if (link.type == BPF_LINK_TYPE_CGROUP) {
		set_u64(&call, result, "cgroupId", link.cgroup.id);
		set_u32(&call, result, "attachType", link.cgroup.attach_type);
	}
	return result;
}
