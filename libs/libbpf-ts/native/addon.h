/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground all files of the addon stand on.
 *
 * Every exported function returns its value, or a negative errno as a number: TypeScript makes
 * the BpfError. Nothing throws. Arguments are checked here as well as there: no call from
 * JavaScript may read or write outside the bytes it was given.
 */
#ifndef ADDON_H
#define ADDON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/bpf.h>

#define NAPI_VERSION 9
#include <node_api.h>

#define ARGUMENTS_MAX 10
#define PATH_BYTES 4096
#define NAME_BYTES 256

/* ---- one call from JavaScript: arguments.c ---- */

struct call {
	napi_env env;
	size_t count;
	napi_value arguments[ARGUMENTS_MAX];
	int error; /* the first, as negative errno; sticks */
};

struct bytes {
	uint8_t *data;
	size_t length;
};

/* memcpy, also of nothing from nowhere: an empty Uint8Array has no address. */
static inline void copy_bytes(void *to, const void *from, size_t length)
{
	if (length)
		memcpy(to, from, length);
}

void call_begin(struct call *call, napi_env env, napi_callback_info info);
bool argument_given(struct call *call, size_t index); /* neither missing nor undefined nor null */
uint32_t argument_u32(struct call *call, size_t index);
int32_t argument_s32(struct call *call, size_t index);
uint64_t argument_u64(struct call *call, size_t index); /* a bigint */
bool argument_bool(struct call *call, size_t index);
struct bytes argument_bytes(struct call *call, size_t index); /* a Uint8Array or a Buffer */
struct bytes argument_array(struct call *call, size_t index, napi_typedarray_type type);
void argument_string(struct call *call, size_t index, char *out, size_t size);

napi_value return_number(struct call *call, double value);
napi_value return_error(struct call *call); /* call->error */
napi_value return_status(struct call *call, int status); /* >= 0 or a negative errno */
napi_value return_string(struct call *call, const char *text, size_t length);
napi_value return_copy(struct call *call, const void *data, size_t length); /* a Uint8Array of its own */

napi_value result_object(struct call *call);
napi_value result_list(struct call *call);
void list_push(struct call *call, napi_value list, napi_value item);
void set_value(struct call *call, napi_value object, const char *name, napi_value value);
void set_u32(struct call *call, napi_value object, const char *name, uint32_t value);
void set_u64(struct call *call, napi_value object, const char *name, uint64_t value);
void set_bool(struct call *call, napi_value object, const char *name, bool value);
void set_string(struct call *call, napi_value object, const char *name, const char *value);

/* ---- what JavaScript holds: handle.c ---- */

enum handle_kind {
	HANDLE_OBJECT = 0x6f626a31,
	HANDLE_MAP = 0x6d617031,
	HANDLE_PROGRAM = 0x70726731,
	HANDLE_LINK = 0x6c6e6b31,
	HANDLE_ITERATOR = 0x69746531,
	HANDLE_RING = 0x726e6731,
	HANDLE_MAPPING = 0x6d6d6131,
};

struct handle {
	uint32_t kind;
	bool closed;
	int fd;      /* -1 where there is none */
	void *state; /* by kind */
	void (*release)(void *state);
};

/* Takes over fd and state, also when it fails. */
napi_value handle_new(struct call *call, enum handle_kind kind, int fd, void *state,
		      void (*release)(void *state));
/* fd < 0: a negative errno to return. */
napi_value handle_of_fd(struct call *call, enum handle_kind kind, int fd);
struct handle *argument_handle(struct call *call, size_t index, enum handle_kind kind);
int argument_fd(struct call *call, size_t index, enum handle_kind kind);

/* A map's sizes, known to its handle so that no copy goes past a buffer. */
struct map_shape {
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t value_bytes; /* as user space sees it: per-CPU values one after the other */
	uint32_t max_entries;
};

napi_value handle_of_map(struct call *call, int fd);
const struct map_shape *map_shape_of(const struct handle *handle);

/* ---- libbpf's words: log.c ---- */

void log_start(uint32_t level, uint32_t limit_bytes);
void log_clear(void);
const char *log_text(size_t *length);
void log_capture(void); /* once per process */

/* ---- network namespaces: netns.c ---- */

struct netns_visit {
	int back; /* -1: was not left */
};

/* An empty path stays where it is. Returns 0 or a negative errno. */
int netns_enter(struct netns_visit *visit, const char *path);
void netns_leave(struct netns_visit *visit);

/* ---- exported functions, by file ---- */

#define EXPORTED(name) napi_value name(napi_env env, napi_callback_info info)

EXPORTED(handle_close);
EXPORTED(handle_is_open);
EXPORTED(take_log);

EXPORTED(object_open);
EXPORTED(object_name);
EXPORTED(object_btf);
EXPORTED(object_maps);
EXPORTED(object_programs);
EXPORTED(object_configure_map);
EXPORTED(object_reuse_map);
EXPORTED(object_set_autoload);
EXPORTED(object_set_initial);
EXPORTED(object_load);
EXPORTED(object_map);
EXPORTED(object_program);

EXPORTED(map_create);
EXPORTED(map_lookup);
EXPORTED(map_update);
EXPORTED(map_delete);
EXPORTED(map_lookup_and_delete);
EXPORTED(map_next_key);
EXPORTED(map_set_inner);
EXPORTED(map_set_inner_async);
EXPORTED(map_freeze);
EXPORTED(map_lookup_batch);
EXPORTED(map_update_batch);
EXPORTED(map_delete_batch);

EXPORTED(map_memory);
EXPORTED(mapping_open);
EXPORTED(mapping_read);
EXPORTED(mapping_write);

EXPORTED(ring_open);
EXPORTED(ring_drain);
EXPORTED(ring_drain_variable);
EXPORTED(ring_state);

EXPORTED(link_tcx);
EXPORTED(link_create);
EXPORTED(link_raw_tracepoint);
EXPORTED(link_iterator);
EXPORTED(link_perf);
EXPORTED(tracepoint_id);
EXPORTED(link_update);
EXPORTED(link_detach);
EXPORTED(iterator_open);
EXPORTED(iterator_read);
EXPORTED(iterator_read_async);

EXPORTED(clsact_attach);
EXPORTED(clsact_detach);
EXPORTED(clsact_query);

EXPORTED(object_pin);
EXPORTED(object_unpin);
EXPORTED(object_get_pinned);
EXPORTED(object_get_by_id);
EXPORTED(map_info);
EXPORTED(program_info);
EXPORTED(link_info);

EXPORTED(btf_read);
EXPORTED(btf_by_id);

EXPORTED(interface_index);
EXPORTED(interface_list);
EXPORTED(possible_cpus);
EXPORTED(test_run);
EXPORTED(probe_program);
EXPORTED(probe_map);
EXPORTED(probe_helper);
EXPORTED(probe_tcx);

#endif
