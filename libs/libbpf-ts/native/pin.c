/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the BPF file system, and kernel objects by id. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "addon.h"

static bool is_pinnable(uint32_t kind)
{
	return kind == HANDLE_MAP || kind == HANDLE_PROGRAM || kind == HANDLE_LINK;
}

/* (kind, handle, path) */
EXPORTED(object_pin)
{
	struct call call;
	char path[PATH_BYTES];
	uint32_t kind;
	int fd;

	call_begin(&call, env, info);
	kind = argument_u32(&call, 0);
	fd = argument_fd(&call, 1, kind);
	argument_string(&call, 2, path, sizeof(path));
	if (!call.error && !is_pinnable(kind))
		call.error = -EINVAL;
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_obj_pin(fd, path));
}

/* (path) */
EXPORTED(object_unpin)
{
	struct call call;
	char path[PATH_BYTES];

	call_begin(&call, env, info);
	argument_string(&call, 0, path, sizeof(path));
	if (call.error)
		return return_error(&call);
	return return_status(&call, unlink(path) ? -errno : 0);
}

/* Which kind of object an fd is, as the kernel names it. */
static uint32_t kind_of(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return 0;
	if (strstr(target, "bpf-map"))
		return HANDLE_MAP;
	if (strstr(target, "bpf-prog"))
		return HANDLE_PROGRAM;
	return strstr(target, "bpf_link") || strstr(target, "bpf-link") ? HANDLE_LINK : 0;
}

static napi_value handle_of_kind(struct call *call, uint32_t kind, int fd)
{
	return kind == HANDLE_MAP ? handle_of_map(call, fd) : handle_of_fd(call, kind, fd);
}

/* (kind, path) -> handle */
EXPORTED(object_get_pinned)
{
	struct call call;
	char path[PATH_BYTES];
	uint32_t kind;
	int fd;

	call_begin(&call, env, info);
	kind = argument_u32(&call, 0);
	argument_string(&call, 1, path, sizeof(path));
	if (!call.error && !is_pinnable(kind))
		call.error = -EINVAL;
	if (call.error)
		return return_error(&call);
	fd = bpf_obj_get(path);
	if (fd >= 0 && kind_of(fd) != kind) {
		close(fd);
		fd = -EINVAL;
	}
	return handle_of_kind(&call, kind, fd);
}

/* (kind, id) -> handle */
EXPORTED(object_get_by_id)
{
	struct call call;
	uint32_t kind, id;
	int fd = -EINVAL;

	call_begin(&call, env, info);
	kind = argument_u32(&call, 0);
	id = argument_u32(&call, 1);
	if (!call.error && !is_pinnable(kind))
		call.error = -EINVAL;
	if (call.error)
		return return_error(&call);
	if (kind == HANDLE_MAP)
		fd = bpf_map_get_fd_by_id(id);
	else if (kind == HANDLE_PROGRAM)
		fd = bpf_prog_get_fd_by_id(id);
	else
		fd = bpf_link_get_fd_by_id(id);
	return handle_of_kind(&call, kind, fd);
}
