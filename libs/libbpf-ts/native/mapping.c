/* SPDX-License-Identifier: Apache-2.0 */
/* Array maps in this process' memory: global variables are read and written in place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"

struct mapping {
	uint8_t *memory;
	size_t length;   /* of the values */
	size_t reserved; /* whole pages */
	bool writable;
};

static void release_mapping(void *state)
{
	struct mapping *mapping = state;

	munmap(mapping->memory, mapping->reserved);
	free(mapping);
}

/* (map, writable) -> handle */
EXPORTED(mapping_open)
{
	struct call call;
	struct handle *map;
	struct mapping *mapping;
	const struct map_shape *shape;
	size_t page = sysconf(_SC_PAGESIZE);
	bool writable;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	writable = argument_bool(&call, 1);
	if (call.error)
		return return_error(&call);
	shape = map_shape_of(map);
	if (shape->type != BPF_MAP_TYPE_ARRAY)
		return return_status(&call, -EINVAL);
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return return_status(&call, -ENOMEM);
	mapping->length = (size_t)(shape->value_size + 7) / 8 * 8 * shape->max_entries;
	mapping->reserved = (mapping->length + page - 1) / page * page;
	mapping->writable = writable;
	mapping->memory = mmap(NULL, mapping->reserved, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			       map->fd, 0);
	if (mapping->memory == MAP_FAILED) {
		int error = -errno;

		free(mapping);
		return return_status(&call, error);
	}
	return handle_new(&call, HANDLE_MAPPING, -1, mapping, release_mapping);
}

static struct mapping *argument_mapping(struct call *call, uint32_t offset, struct bytes bytes)
{
	struct handle *handle = argument_handle(call, 0, HANDLE_MAPPING);
	struct mapping *mapping = handle ? handle->state : NULL;

	if (!mapping || call->error)
		return NULL;
	if (offset > mapping->length || bytes.length > mapping->length - offset) {
		call->error = -ERANGE;
		return NULL;
	}
	return mapping;
}

/* A variable of 1, 2, 4 or 8 aligned bytes goes over in one piece: a program never sees half of it. */
#define COPY_WHOLE(type, to, from)                                                                                 \
	do {                                                                                                       \
		type value;                                                                                        \
		memcpy(&value, from, sizeof(value));                                                               \
		__atomic_store_n((type *)(to), value, __ATOMIC_RELAXED);                                           \
	} while (0)

#define READ_WHOLE(type, to, from)                                                                                 \
	do {                                                                                                       \
		type value = __atomic_load_n((type *)(from), __ATOMIC_RELAXED);                                    \
		memcpy(to, &value, sizeof(value));                                                                 \
	} while (0)

/* (mapping, offset, out) */
EXPORTED(mapping_read)
{
	struct call call;
	struct mapping *mapping;
	struct bytes out;
	uint32_t offset;
	uint8_t *from;

	call_begin(&call, env, info);
	offset = argument_u32(&call, 1);
	out = argument_bytes(&call, 2);
	mapping = argument_mapping(&call, offset, out);
	if (!mapping)
		return return_error(&call);
	from = mapping->memory + offset;
	if (out.length == 8 && offset % 8 == 0)
		READ_WHOLE(uint64_t, out.data, from);
	else if (out.length == 4 && offset % 4 == 0)
		READ_WHOLE(uint32_t, out.data, from);
	else if (out.length == 2 && offset % 2 == 0)
		READ_WHOLE(uint16_t, out.data, from);
	else
		copy_bytes(out.data, from, out.length);
	return return_status(&call, 0);
}

/* (mapping, offset, bytes) */
EXPORTED(mapping_write)
{
	struct call call;
	struct mapping *mapping;
	struct bytes bytes;
	uint32_t offset;
	uint8_t *to;

	call_begin(&call, env, info);
	offset = argument_u32(&call, 1);
	bytes = argument_bytes(&call, 2);
	mapping = argument_mapping(&call, offset, bytes);
	if (!mapping)
		return return_error(&call);
	if (!mapping->writable)
		return return_status(&call, -EPERM);
	to = mapping->memory + offset;
	if (bytes.length == 8 && offset % 8 == 0)
		COPY_WHOLE(uint64_t, to, bytes.data);
	else if (bytes.length == 4 && offset % 4 == 0)
		COPY_WHOLE(uint32_t, to, bytes.data);
	else if (bytes.length == 2 && offset % 2 == 0)
		COPY_WHOLE(uint16_t, to, bytes.data);
	else
		copy_bytes(to, bytes.data, bytes.length);
	return return_status(&call, 0);
}

static void release_memory(napi_env env, void *memory, void *hint)
{
	(void)env;
	munmap(memory, (size_t)(uintptr_t)hint);
}

/* (map) -> ArrayBuffer over the values of an array map; it keeps the map alive by itself */
EXPORTED(map_memory)
{
	struct call call;
	struct handle *map;
	const struct map_shape *shape;
	size_t page = sysconf(_SC_PAGESIZE), length, reserved;
	napi_value buffer;
	void *memory;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	if (call.error)
		return return_error(&call);
	shape = map_shape_of(map);
	if (shape->type != BPF_MAP_TYPE_ARRAY)
		return return_status(&call, -EINVAL);
	length = (size_t)(shape->value_size + 7) / 8 * 8 * shape->max_entries;
	reserved = (length + page - 1) / page * page;
	memory = mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, map->fd, 0);
	if (memory == MAP_FAILED)
		return return_status(&call, -errno);
	if (napi_create_external_arraybuffer(env, memory, length, release_memory, (void *)(uintptr_t)reserved,
					     &buffer) != napi_ok) {
		munmap(memory, reserved);
		return return_status(&call, -ENOMEM);
	}
	return buffer;
}
