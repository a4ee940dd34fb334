/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, many elements in one system call. */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

/* Results carry a count and an end: the count, plus this when there is no more. */
#define BATCH_END 4294967296.0

static size_t room(const struct map_shape *shape, struct bytes keys, struct bytes values)
{
	size_t for_keys = shape->key_size ? keys.length / shape->key_size : 0;
	size_t for_values = shape->value_bytes ? values.length / shape->value_bytes : 0;

	return for_keys < for_values ? for_keys : for_values;
}

static size_t token_bytes(const struct map_shape *shape)
{
	return shape->key_size > sizeof(__u32) ? shape->key_size : sizeof(__u32);
}

/* (map, token in or undefined, token out, keys, values, delete) -> count [+ BATCH_END] */
EXPORTED(map_lookup_batch)
{
	struct call call;
	struct handle *map;
	const struct map_shape *shape;
	struct bytes in = {NULL, 0}, out, keys, values;
	bool take;
	__u32 count;
	int error;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	if (argument_given(&call, 1))
		in = argument_bytes(&call, 1);
	out = argument_bytes(&call, 2);
	keys = argument_bytes(&call, 3);
	values = argument_bytes(&call, 4);
	take = argument_bool(&call, 5);
	if (call.error)
		return return_error(&call);
	shape = map_shape_of(map);
	if ((in.data && in.length < token_bytes(shape)) || out.length < token_bytes(shape))
		return return_status(&call, -EMSGSIZE);
	count = room(shape, keys, values);
	if (count == 0)
		return return_status(&call, -ENOSPC);
	error = take ? bpf_map_lookup_and_delete_batch(map->fd, in.data, out.data, keys.data, values.data, &count, NULL)
		     : bpf_map_lookup_batch(map->fd, in.data, out.data, keys.data, values.data, &count, NULL);
	if (error == -ENOENT)
		return return_number(&call, count + BATCH_END);
	return error ? return_status(&call, error) : return_number(&call, count);
}

/* The kernel says how many it did before the error: a failure is -errno - count * 4096. */
static napi_value partial(struct call *call, int error, __u32 wanted, __u32 done)
{
	/* Refused before the first element: the count is still ours. */
	if (error && done == wanted)
		done = 0;
	return return_number(call, error ? error - done * 4096.0 : done);
}

/* (map, keys, values, count, flags) -> count */
EXPORTED(map_update_batch)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	struct call call;
	struct handle *map;
	struct bytes keys, values;
	__u32 count, wanted;
	int error;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	keys = argument_bytes(&call, 1);
	values = argument_bytes(&call, 2);
	wanted = count = argument_u32(&call, 3);
	options.elem_flags = argument_u32(&call, 4);
	if (call.error)
		return return_error(&call);
	if (count > room(map_shape_of(map), keys, values))
		return return_status(&call, -EMSGSIZE);
	if (count == 0)
		return return_number(&call, 0);
	error = bpf_map_update_batch(map->fd, keys.data, values.data, &count, &options);
	return partial(&call, error, wanted, count);
}

/* (map, keys, count) -> count */
EXPORTED(map_delete_batch)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	struct call call;
	struct handle *map;
	struct bytes keys;
	__u32 count, wanted;
	int error;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	keys = argument_bytes(&call, 1);
	wanted = count = argument_u32(&call, 2);
	if (call.error)
		return return_error(&call);
	if (!map_shape_of(map)->key_size || count > keys.length / map_shape_of(map)->key_size)
		return return_status(&call, -EMSGSIZE);
	if (count == 0)
		return return_number(&call, 0);
	error = bpf_map_delete_batch(map->fd, keys.data, &count, &options);
	return partial(&call, error, wanted, count);
}
