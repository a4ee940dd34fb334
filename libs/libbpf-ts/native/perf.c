/* SPDX-License-Identifier: Apache-2.0 */
/* Links on perf events: tracepoints and uprobes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

static int open_event(struct perf_event_attr *attributes, int pid)
{
	long fd;

	attributes->size = sizeof(*attributes);
	fd = syscall(__NR_perf_event_open, attributes, pid, pid == -1 ? 0 : -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/*
 * (program, PMU type, config, path or "", offset, pid or -1, cookie) -> handle
 * A tracepoint is its id in config; a uprobe is a path and an offset.
 */
EXPORTED(link_perf)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	struct perf_event_attr attributes;
	struct call call;
	char path[PATH_BYTES];
	int program, event, link, pid;

	call_begin(&call, env, info);
	memset(&attributes, 0, sizeof(attributes));
	program = argument_fd(&call, 0, HANDLE_PROGRAM);
	attributes.type = argument_u32(&call, 1);
	attributes.config = argument_u64(&call, 2);
	argument_string(&call, 3, path, sizeof(path));
	attributes.config2 = argument_u64(&call, 4);
	pid = argument_s32(&call, 5);
	options.perf_event.bpf_cookie = argument_u64(&call, 6);
	if (call.error)
		return return_error(&call);
	if (path[0])
		attributes.config1 = (uintptr_t)path;
	event = open_event(&attributes, pid);
	if (event < 0)
		return return_status(&call, event);
	link = bpf_link_create(program, event, BPF_PERF_EVENT, &options);
	if (link >= 0 && ioctl(event, PERF_EVENT_IOC_ENABLE, 0)) {
		int error = -errno;

		close(link);
		link = error;
	}
	/* The link holds the event from here. */
	close(event);
	return handle_of_fd(&call, HANDLE_LINK, link);
}

/* Attached nowhere and gone with its fd: for machines that do not have tracefs mounted. */
static int open_private_tracefs(void)
{
	int mount = -1, context = fsopen("tracefs", FSOPEN_CLOEXEC);

	if (context < 0)
		return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (mount < 0)
		mount = -errno;
	close(context);
	return mount;
}

static int read_id(int directory, const char *path)
{
	char text[32] = "";
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 ? atoi(text) : -EIO;
}

/* ("category/name") -> id, for perf_event_open */
EXPORTED(tracepoint_id)
{
	struct call call;
	char name[NAME_BYTES], path[NAME_BYTES + 32];
	int directory, id;

	call_begin(&call, env, info);
	argument_string(&call, 0, name, sizeof(name));
	if (!call.error && (strstr(name, "..") || name[0] == '/'))
		call.error = -EINVAL;
	if (call.error)
		return return_error(&call);
	snprintf(path, sizeof(path), "events/%s/id", name);
	directory = open("/sys/kernel/tracing", O_PATH | O_DIRECTORY | O_CLOEXEC);
	id = directory < 0 ? -errno : read_id(directory, path);
	if (directory >= 0)
		close(directory);
	if (id >= 0)
		return return_number(&call, id);
	directory = open_private_tracefs();
	if (directory < 0)
		return return_status(&call, directory);
	id = read_id(directory, path);
	close(directory);
	return id < 0 ? return_status(&call, id) : return_number(&call, id);
}
