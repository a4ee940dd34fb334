/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a map of maps, for which the kernel waits: it returns when no program runs any more
 * that may have seen the old inner map (maybe_wait_bpf_programs() of kernel/bpf/syscall.c, since
 * Linux 4.20: synchronize_rcu()). Done on a thread of libuv's pool, so that nobody else waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "addon.h"

struct change {
	napi_async_work work;
	napi_deferred deferred;
	int outer; /* descriptors of its own: the handles may be closed meanwhile */
	int inner;
	int status;
	uint8_t key[];
};

static void change_free(struct change *change)
{
	if (change->outer >= 0)
		close(change->outer);
	if (change->inner >= 0)
		close(change->inner);
	free(change);
}

static void execute(napi_env env, void *data)
{
	struct change *change = data;

	(void)env;
	change->status = bpf_map_update_elem(change->outer, change->key, &change->inner, BPF_ANY);
}

static void complete(napi_env env, napi_status status, void *data)
{
	struct change *change = data;
	napi_value result = NULL;

	napi_create_int32(env, status == napi_ok ? change->status : -ECANCELED, &result);
	napi_resolve_deferred(env, change->deferred, result);
	napi_delete_async_work(env, change->work);
	change_free(change);
}

static int start(struct call *call, struct change *change, napi_value *promise)
{
	napi_value name = return_string(call, "libbpf-ts", NAPI_AUTO_LENGTH);

	if (change->outer < 0 || change->inner < 0)
		return -errno;
	if (napi_create_async_work(call->env, NULL, name, execute, complete, change, &change->work) != napi_ok)
		return -ENOMEM;
	if (napi_create_promise(call->env, &change->deferred, promise) != napi_ok) {
		napi_delete_async_work(call->env, change->work);
		return -ENOMEM;
	}
	if (napi_queue_async_work(call->env, change->work) != napi_ok) {
		napi_resolve_deferred(call->env, change->deferred, return_status(call, -ENOMEM));
		napi_delete_async_work(call->env, change->work);
		change_free(change);
	}
	return 0;
}

/* (outer, key, inner) -> promise of 0 or a negative errno; a negative errno where it could not begin */
EXPORTED(map_set_inner_async)
{
	struct call call;
	struct handle *outer;
	struct change *change;
	struct bytes key;
	napi_value promise = NULL;
	int inner, error;

	call_begin(&call, env, info);
	outer = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	inner = argument_fd(&call, 2, HANDLE_MAP);
	if (!call.error &&
	    (key.length != map_shape_of(outer)->key_size || map_shape_of(outer)->value_bytes != sizeof(inner)))
		call.error = -EMSGSIZE;
	if (call.error)
		return return_error(&call);
	change = calloc(1, sizeof(*change) + key.length);
	if (!change)
		return return_status(&call, -ENOMEM);
	copy_bytes(change->key, key.data, key.length);
	change->outer = fcntl(outer->fd, F_DUPFD_CLOEXEC, 0);
	change->inner = fcntl(inner, F_DUPFD_CLOEXEC, 0);
	error = start(&call, change, &promise);
	if (error) {
		change_free(change);
		return return_status(&call, error);
	}
	return promise;
}
