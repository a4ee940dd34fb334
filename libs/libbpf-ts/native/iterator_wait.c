/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an iterator on a thread of libuv's pool: one read walks as much of its target as it takes to
 * fill the buffer, which of a large map where little changed is all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "addon.h"

struct reading {
	napi_async_work work;
	napi_deferred deferred;
	napi_ref buffer; /* it lives as long as the read */
	struct bytes bytes;
	int fd; /* one of its own: the handle may be closed meanwhile */
	double result;
};

static void reading_free(napi_env env, struct reading *reading)
{
	if (reading->work)
		napi_delete_async_work(env, reading->work);
	if (reading->buffer)
		napi_delete_reference(env, reading->buffer);
	if (reading->fd >= 0)
		close(reading->fd);
	free(reading);
}

static void execute(napi_env env, void *data)
{
	struct reading *reading = data;
	ssize_t length;

	(void)env;
	/* EAGAIN: a million elements without output. The next read goes on behind them. */
	do
		length = read(reading->fd, reading->bytes.data, reading->bytes.length);
	while (length < 0 && (errno == EINTR || errno == EAGAIN));
	reading->result = length < 0 ? -errno : length;
}

static void complete(napi_env env, napi_status status, void *data)
{
	struct reading *reading = data;
	napi_value result = NULL;

	napi_create_double(env, status == napi_ok ? reading->result : -ECANCELED, &result);
	napi_resolve_deferred(env, reading->deferred, result);
	reading_free(env, reading);
}

static int start(struct call *call, struct reading *reading, napi_value *promise)
{
	napi_value name = return_string(call, "libbpf-ts", NAPI_AUTO_LENGTH);

	if (reading->fd < 0)
		return -errno;
	if (napi_create_reference(call->env, call->arguments[1], 1, &reading->buffer) != napi_ok ||
	    napi_create_async_work(call->env, NULL, name, execute, complete, reading, &reading->work) !=
		    napi_ok ||
	    napi_create_promise(call->env, &reading->deferred, promise) != napi_ok)
		return -ENOMEM;
	if (napi_queue_async_work(call->env, reading->work) != napi_ok) {
		napi_resolve_deferred(call->env, reading->deferred, return_status(call, -ENOMEM));
		reading_free(call->env, reading);
	}
	return 0;
}

/* (iterator, buffer) -> promise of bytes, 0 at the end, or a negative errno; a negative errno where it could not begin */
EXPORTED(iterator_read_async)
{
	struct call call;
	struct reading *reading;
	struct bytes buffer;
	napi_value promise = NULL;
	int fd, error;

	call_begin(&call, env, info);
	fd = argument_fd(&call, 0, HANDLE_ITERATOR);
	buffer = argument_bytes(&call, 1);
	if (call.error)
		return return_error(&call);
	reading = calloc(1, sizeof(*reading));
	if (!reading)
		return return_status(&call, -ENOMEM);
	reading->bytes = buffer;
	reading->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	error = start(&call, reading, &promise);
	if (error) {
		reading_free(call.env, reading);
		return return_status(&call, error);
	}
	return promise;
}
