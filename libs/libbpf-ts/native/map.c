/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, one element at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

napi_value handle_of_map(struct call *call, int fd)
{
	struct bpf_map_info map = {};
	__u32 length = sizeof(map);
	struct map_shape *shape;
	int error;

	if (fd < 0)
		return return_status(call, fd);
	error = bpf_obj_get_info_by_fd(fd, &map, &length);
	shape = error ? NULL : calloc(1, sizeof(*shape));
	if (!shape) {
		close(fd);
		return return_status(call, error ? error : -ENOMEM);
	}
	shape->type = map.type;
	shape->key_size = map.key_size;
	shape->value_size = map.value_size;
	shape->value_bytes = map.value_size;
	shape->max_entries = map.max_entries;
	if (is_per_cpu(map.type))
		shape->value_bytes = (map.value_size + 7) / 8 * 8 * libbpf_num_possible_cpus();
	return handle_new(call, HANDLE_MAP, fd, shape, free);
}

const struct map_shape *map_shape_of(const struct handle *handle)
{
	return handle->state;
}

/* (type, keySize, valueSize, maxEntries, flags, name, inner template?, btf id?, keyTypeId?, valueTypeId?) */
EXPORTED(map_create)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	struct call call;
	uint32_t type, key_size, value_size, max_entries, btf_id = 0;
	char name[BPF_OBJ_NAME_LEN];
	int fd, btf_fd = -1;

	call_begin(&call, env, info);
	type = argument_u32(&call, 0);
	key_size = argument_u32(&call, 1);
	value_size = argument_u32(&call, 2);
	max_entries = argument_u32(&call, 3);
	options.map_flags = argument_u32(&call, 4);
	argument_string(&call, 5, name, sizeof(name));
	if (argument_given(&call, 6))
		options.inner_map_fd = argument_fd(&call, 6, HANDLE_MAP);
	if (argument_given(&call, 7)) {
		btf_id = argument_u32(&call, 7);
		options.btf_key_type_id = argument_u32(&call, 8);
		options.btf_value_type_id = argument_u32(&call, 9);
	}
	if (call.error)
		return return_error(&call);
	if (btf_id) {
		btf_fd = bpf_btf_get_fd_by_id(btf_id);
		if (btf_fd < 0)
			return return_status(&call, btf_fd);
		options.btf_fd = btf_fd;
	}
	fd = bpf_map_create(type, name[0] ? name : NULL, key_size, value_size, max_entries, &options);
	if (btf_fd >= 0)
		close(btf_fd);
	return handle_of_map(&call, fd);
}

/* Key of exactly keySize, value of at least (`exact`: exactly) what the kernel copies. */
static void check_key(struct call *call, const struct handle *handle, struct bytes key)
{
	if (handle && !call->error && key.length != map_shape_of(handle)->key_size)
		call->error = -EMSGSIZE;
}

static void check_value(struct call *call, const struct handle *handle, struct bytes value, bool exact)
{
	size_t wanted;

	if (!handle || call->error)
		return;
	wanted = map_shape_of(handle)->value_bytes;
	if (exact ? value.length != wanted : value.length < wanted)
		call->error = -EMSGSIZE;
}

/* (map, key, out) */
EXPORTED(map_lookup)
{
	struct call call;
	struct handle *map;
	struct bytes key, out;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	out = argument_bytes(&call, 2);
	check_key(&call, map, key);
	check_value(&call, map, out, false);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_lookup_elem(map->fd, key.data, out.data));
}

/* (map, key, value, flags) */
EXPORTED(map_update)
{
	struct call call;
	struct handle *map;
	struct bytes key, value;
	uint32_t flags;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	value = argument_bytes(&call, 2);
	flags = argument_u32(&call, 3);
	check_key(&call, map, key);
	check_value(&call, map, value, true);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_update_elem(map->fd, key.data, value.data, flags));
}

/* (map, key) */
EXPORTED(map_delete)
{
	struct call call;
	struct handle *map;
	struct bytes key;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	check_key(&call, map, key);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_delete_elem(map->fd, key.data));
}

/* (map, key, out): queues and stacks have keys of no bytes */
EXPORTED(map_lookup_and_delete)
{
	struct call call;
	struct handle *map;
	struct bytes key, out;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	out = argument_bytes(&call, 2);
	check_key(&call, map, key);
	check_value(&call, map, out, false);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_lookup_and_delete_elem(map->fd, key.length ? key.data : NULL, out.data));
}

/* (map, key or undefined, next) */
EXPORTED(map_next_key)
{
	struct call call;
	struct handle *map;
	struct bytes key = {NULL, 0}, next;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	if (argument_given(&call, 1)) {
		key = argument_bytes(&call, 1);
		check_key(&call, map, key);
	}
	next = argument_bytes(&call, 2);
	check_key(&call, map, next);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_get_next_key(map->fd, key.data, next.data));
}

/* (outer, key, inner) */
EXPORTED(map_set_inner)
{
	struct call call;
	struct handle *outer;
	struct bytes key;
	int inner;

	call_begin(&call, env, info);
	outer = argument_handle(&call, 0, HANDLE_MAP);
	key = argument_bytes(&call, 1);
	inner = argument_fd(&call, 2, HANDLE_MAP);
	check_key(&call, outer, key);
	if (!call.error && map_shape_of(outer)->value_bytes != sizeof(inner))
		call.error = -EMSGSIZE;
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_update_elem(outer->fd, key.data, &inner, BPF_ANY));
}

EXPORTED(map_freeze)
{
	struct call call;
	int fd;

	call_begin(&call, env, info);
	fd = argument_fd(&call, 0, HANDLE_MAP);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map_freeze(fd));
}
