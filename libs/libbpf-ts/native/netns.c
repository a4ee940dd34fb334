/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces: visited by this thread for the length of one call, and what is in them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "addon.h"

int netns_enter(struct netns_visit *visit, const char *path)
{
	int there, error = 0;

	visit->back = -1;
	if (!path[0])
		return 0;
	/* Of the thread, not /proc/self: a worker is not the process' first thread. */
	visit->back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (visit->back < 0)
		return -errno;
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0 || setns(there, CLONE_NEWNET))
		error = -errno;
	if (there >= 0)
		close(there);
	if (error) {
		close(visit->back);
		visit->back = -1;
	}
	return error;
}

void netns_leave(struct netns_visit *visit)
{
	if (visit->back < 0)
		return;
	/* A thread left in a foreign namespace would act on the wrong machine: better none at all. */
	if (setns(visit->back, CLONE_NEWNET))
		napi_fatal_error("netns_leave", NAPI_AUTO_LENGTH, "cannot return to the network namespace",
				 NAPI_AUTO_LENGTH);
	close(visit->back);
	visit->back = -1;
}

/* (netns path or "", name) -> index */
EXPORTED(interface_index)
{
	struct call call;
	struct netns_visit visit;
	char path[PATH_BYTES], name[NAME_BYTES];
	unsigned int index;
	int error;

	call_begin(&call, env, info);
	argument_string(&call, 0, path, sizeof(path));
	argument_string(&call, 1, name, sizeof(name));
	if (call.error)
		return return_error(&call);
	error = netns_enter(&visit, path);
	if (error)
		return return_status(&call, error);
	index = if_nametoindex(name);
	error = index ? 0 : -errno;
	netns_leave(&visit);
	return error ? return_status(&call, error) : return_number(&call, index);
}

/* (netns path or "") -> [{ ifindex, name }] */
EXPORTED(interface_list)
{
	struct call call;
	struct netns_visit visit;
	struct if_nameindex *interfaces;
	char path[PATH_BYTES];
	napi_value list;
	int error;

	call_begin(&call, env, info);
	argument_string(&call, 0, path, sizeof(path));
	if (call.error)
		return return_error(&call);
	error = netns_enter(&visit, path);
	if (error)
		return return_status(&call, error);
	interfaces = if_nameindex();
	error = interfaces ? 0 : -errno;
	netns_leave(&visit);
	if (error)
		return return_status(&call, error);
	list = result_list(&call);
	for (struct if_nameindex *at = interfaces; at->if_index; at++) {
		napi_value item = result_object(&call);

		set_u32(&call, item, "ifindex", at->if_index);
		set_string(&call, item, "name", at->if_name);
		list_push(&call, list, item);
	}
	if_freenameindex(interfaces);
	return list;
}
