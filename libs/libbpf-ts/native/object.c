/* SPDX-License-Identifier: Apache-2.0 */
/* BPF object files: open, configure, load, and take maps and programs out. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "addon.h"

struct object {
	struct bpf_object *bpf;
	void *image; /* libbpf reads from it until close */
	uint32_t log_level;
	uint32_t log_bytes;
	bool loaded;
};

static void release_object(void *state)
{
	struct object *object = state;

	bpf_object__close(object->bpf);
	free(object->image);
	free(object);
}

static struct object *argument_object(struct call *call, size_t index)
{
	struct handle *handle = argument_handle(call, index, HANDLE_OBJECT);

	return handle ? handle->state : NULL;
}

static struct bpf_map *find_map(struct call *call, struct object *object, size_t index)
{
	char name[NAME_BYTES];
	struct bpf_map *map;

	argument_string(call, index, name, sizeof(name));
	if (call->error)
		return NULL;
	map = bpf_object__find_map_by_name(object->bpf, name);
	if (!map)
		call->error = -ENOENT;
	return map;
}

static struct bpf_program *find_program(struct call *call, struct object *object, size_t index)
{
	char name[NAME_BYTES];
	struct bpf_program *program;

	argument_string(call, index, name, sizeof(name));
	if (call->error)
		return NULL;
	program = bpf_object__find_program_by_name(object->bpf, name);
	if (!program)
		call->error = -ENOENT;
	return program;
}

static int open_source(struct call *call, struct object *object, const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name[0] ? name : NULL,
		    .kernel_log_level = object->log_level);
	napi_valuetype type;

	if (napi_typeof(call->env, call->arguments[0], &type) == napi_ok && type == napi_string) {
		char path[PATH_BYTES];

		argument_string(call, 0, path, sizeof(path));
		if (call->error)
			return call->error;
		object->bpf = bpf_object__open_file(path, &options);
	} else {
		struct bytes bytes = argument_bytes(call, 0);

		if (call->error)
			return call->error;
		object->image = malloc(bytes.length ? bytes.length : 1);
		if (!object->image)
			return -ENOMEM;
		copy_bytes(object->image, bytes.data, bytes.length);
		object->bpf = bpf_object__open_mem(object->image, bytes.length, &options);
	}
	return object->bpf ? 0 : -errno;
}

/* (path or bytes, name or undefined, logLevel, logBytes) -> handle */
EXPORTED(object_open)
{
	struct call call;
	struct object *object;
	char name[NAME_BYTES] = "";
	int error;

	call_begin(&call, env, info);
	if (argument_given(&call, 1))
		argument_string(&call, 1, name, sizeof(name));
	object = calloc(1, sizeof(*object));
	if (!object)
		return return_status(&call, -ENOMEM);
	object->log_level = argument_u32(&call, 2);
	object->log_bytes = argument_u32(&call, 3);
	if (call.error) {
		free(object);
		return return_error(&call);
	}
	log_start(object->log_level, object->log_bytes);
	error = open_source(&call, object, name);
	if (error) {
		free(object->image);
		free(object);
		return return_status(&call, error);
	}
	return handle_new(&call, HANDLE_OBJECT, -1, object, release_object);
}

EXPORTED(object_name)
{
	struct call call;
	struct object *object;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	if (!object)
		return return_error(&call);
	return return_string(&call, bpf_object__name(object->bpf), NAPI_AUTO_LENGTH);
}

EXPORTED(object_btf)
{
	struct call call;
	struct object *object;
	const struct btf *btf;
	const void *data;
	__u32 size;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	if (!object)
		return return_error(&call);
	btf = bpf_object__btf(object->bpf);
	data = btf ? btf__raw_data(btf, &size) : NULL;
	if (!data)
		return return_status(&call, -ENODATA);
	return return_copy(&call, data, size);
}

static napi_value describe_map(struct call *call, struct bpf_map *map)
{
	napi_value result = result_object(call);
	struct bpf_map *inner = bpf_map__inner_map(map);

	set_string(call, result, "name", bpf_map__name(map));
	set_u32(call, result, "type", bpf_map__type(map));
	set_u32(call, result, "keySize", bpf_map__key_size(map));
	set_u32(call, result, "valueSize", bpf_map__value_size(map));
	set_u32(call, result, "maxEntries", bpf_map__max_entries(map));
	set_u32(call, result, "flags", bpf_map__map_flags(map));
	set_u32(call, result, "keyTypeId", bpf_map__btf_key_type_id(map));
	set_u32(call, result, "valueTypeId", bpf_map__btf_value_type_id(map));
	set_bool(call, result, "internal", bpf_map__is_internal(map));
	if (inner && inner != map)
		set_value(call, result, "inner", describe_map(call, inner));
	return result;
}

EXPORTED(object_maps)
{
	struct call call;
	struct object *object;
	struct bpf_map *map;
	napi_value list;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	if (!object)
		return return_error(&call);
	list = result_list(&call);
	bpf_object__for_each_map(map, object->bpf)
		list_push(&call, list, describe_map(&call, map));
	return list;
}

EXPORTED(object_programs)
{
	struct call call;
	struct object *object;
	struct bpf_program *program;
	napi_value list;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	if (!object)
		return return_error(&call);
	list = result_list(&call);
	bpf_object__for_each_program(program, object->bpf) {
		napi_value item = result_object(&call);

		set_string(&call, item, "name", bpf_program__name(program));
		set_string(&call, item, "section", bpf_program__section_name(program));
		set_u32(&call, item, "type", bpf_program__type(program));
		set_u32(&call, item, "attachType", bpf_program__expected_attach_type(program));
		set_bool(&call, item, "autoload", bpf_program__autoload(program));
		list_push(&call, list, item);
	}
	return list;
}

/* (object, map, maxEntries) */
EXPORTED(object_configure_map)
{
	struct call call;
	struct object *object;
	struct bpf_map *map;
	uint32_t entries;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	map = object ? find_map(&call, object, 1) : NULL;
	entries = argument_u32(&call, 2);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map__set_max_entries(map, entries));
}

/* (object, map, handle of the map to use in its stead) */
EXPORTED(object_reuse_map)
{
	struct call call;
	struct object *object;
	struct bpf_map *map;
	int fd;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	map = object ? find_map(&call, object, 1) : NULL;
	fd = argument_fd(&call, 2, HANDLE_MAP);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_map__reuse_fd(map, fd));
}

EXPORTED(object_set_autoload)
{
	struct call call;
	struct object *object;
	struct bpf_program *program;
	bool autoload;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	program = object ? find_program(&call, object, 1) : NULL;
	autoload = argument_bool(&call, 2);
	if (call.error)
		return return_error(&call);
	return return_status(&call, bpf_program__set_autoload(program, autoload));
}

/* (object, map, offset, bytes): into the initial contents of .rodata and the like, before load */
EXPORTED(object_set_initial)
{
	struct call call;
	struct object *object;
	struct bpf_map *map;
	struct bytes bytes;
	uint32_t offset;
	size_t size = 0;
	char *contents;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	map = object ? find_map(&call, object, 1) : NULL;
	offset = argument_u32(&call, 2);
	bytes = argument_bytes(&call, 3);
	if (call.error)
		return return_error(&call);
	if (object->loaded)
		return return_status(&call, -EBUSY);
	contents = (char *)bpf_map__initial_value(map, &size);
	if (!contents)
		return return_status(&call, -ENODATA);
	if (offset > size || bytes.length > size - offset)
		return return_status(&call, -ERANGE);
	copy_bytes(contents + offset, bytes.data, bytes.length);
	return return_status(&call, 0);
}

EXPORTED(object_load)
{
	struct call call;
	struct object *object;
	int error;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	if (!object)
		return return_error(&call);
	if (object->loaded)
		return return_status(&call, -EBUSY);
	log_start(object->log_level, object->log_bytes);
	error = bpf_object__load(object->bpf);
	/* libbpf allows one try only, also when it failed. */
	object->loaded = true;
	return return_status(&call, error);
}

static int own_fd(int fd)
{
	int copy;

	if (fd < 0)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? -errno : copy;
}

/* The handle has a reference of its own: it may outlive the object. */
EXPORTED(object_map)
{
	struct call call;
	struct object *object;
	struct bpf_map *map;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	map = object ? find_map(&call, object, 1) : NULL;
	if (call.error)
		return return_error(&call);
	return handle_of_map(&call, own_fd(bpf_map__fd(map)));
}

EXPORTED(object_program)
{
	struct call call;
	struct object *object;
	struct bpf_program *program;

	call_begin(&call, env, info);
	object = argument_object(&call, 0);
	program = object ? find_program(&call, object, 1) : NULL;
	if (call.error)
		return return_error(&call);
	return handle_of_fd(&call, HANDLE_PROGRAM, own_fd(bpf_program__fd(program)));
}
