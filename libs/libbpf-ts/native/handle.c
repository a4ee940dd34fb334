/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What JavaScript holds of the kernel: an external around a file descriptor, or around memory.
 * Closed by hand or by the garbage collector, whichever is first, and only once.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "addon.h"

static void close_once(struct handle *handle)
{
	if (handle->closed)
		return;
	handle->closed = true;
	if (handle->release)
		handle->release(handle->state);
	if (handle->fd >= 0)
		close(handle->fd);
	handle->state = NULL;
	handle->fd = -1;
}

static void finalize(napi_env env, void *data, void *hint)
{
	struct handle *handle = data;

	(void)env;
	(void)hint;
	close_once(handle);
	free(handle);
}

napi_value handle_new(struct call *call, enum handle_kind kind, int fd, void *state,
		      void (*release)(void *state))
{
	struct handle *handle = calloc(1, sizeof(*handle));
	napi_value result = NULL;

	if (!handle) {
		if (release)
			release(state);
		if (fd >= 0)
			close(fd);
		return return_status(call, -ENOMEM);
	}
	handle->kind = kind;
	handle->fd = fd;
	handle->state = state;
	handle->release = release;
	if (napi_create_external(call->env, handle, finalize, NULL, &result) != napi_ok) {
		finalize(call->env, handle, NULL);
		return return_status(call, -ENOMEM);
	}
	return result;
}

napi_value handle_of_fd(struct call *call, enum handle_kind kind, int fd)
{
	if (fd < 0)
		return return_status(call, fd);
	return handle_new(call, kind, fd, NULL, NULL);
}

static struct handle *any_handle(struct call *call, size_t index)
{
	void *data = NULL;

	if (napi_get_value_external(call->env, call->arguments[index], &data) != napi_ok || !data) {
		if (!call->error)
			call->error = -EINVAL;
		return NULL;
	}
	return data;
}

struct handle *argument_handle(struct call *call, size_t index, enum handle_kind kind)
{
	struct handle *handle = any_handle(call, index);

	if (!handle)
		return NULL;
	if (handle->kind != kind || handle->closed) {
		if (!call->error)
			call->error = handle->kind != kind ? -EINVAL : -EBADF;
		return NULL;
	}
	return handle;
}

int argument_fd(struct call *call, size_t index, enum handle_kind kind)
{
	struct handle *handle = argument_handle(call, index, kind);

	return handle ? handle->fd : -1;
}

EXPORTED(handle_close)
{
	struct call call;
	struct handle *handle;

	call_begin(&call, env, info);
	handle = any_handle(&call, 0);
	if (!handle)
		return return_error(&call);
	close_once(handle);
	return return_status(&call, 0);
}

EXPORTED(handle_is_open)
{
	struct call call;
	struct handle *handle;

	call_begin(&call, env, info);
	handle = any_handle(&call, 0);
	return return_status(&call, handle && !handle->closed);
}
