/* SPDX-License-Identifier: Apache-2.0 */
/* Between JavaScript values and C values. */
#include <errno.h>
#include <string.h>

#include "addon.h"

static void refuse(struct call *call)
{
	if (!call->error)
		call->error = -EINVAL;
}

void call_begin(struct call *call, napi_env env, napi_callback_info info)
{
	memset(call, 0, sizeof(*call));
	call->env = env;
	call->count = ARGUMENTS_MAX;
	if (napi_get_cb_info(env, info, &call->count, call->arguments, NULL, NULL) != napi_ok)
		refuse(call);
	log_clear();
}

bool argument_given(struct call *call, size_t index)
{
	napi_valuetype type;

	if (index >= call->count || napi_typeof(call->env, call->arguments[index], &type) != napi_ok)
		return false;
	return type != napi_undefined && type != napi_null;
}

uint32_t argument_u32(struct call *call, size_t index)
{
	double value = 0;

	if (napi_get_value_double(call->env, call->arguments[index], &value) != napi_ok || value < 0 ||
	    value > UINT32_MAX || value != (double)(uint32_t)value) {
		refuse(call);
		return 0;
	}
	return (uint32_t)value;
}

int32_t argument_s32(struct call *call, size_t index)
{
	double value = 0;

	if (napi_get_value_double(call->env, call->arguments[index], &value) != napi_ok ||
	    value < INT32_MIN || value > INT32_MAX || value != (double)(int32_t)value) {
		refuse(call);
		return 0;
	}
	return (int32_t)value;
}

uint64_t argument_u64(struct call *call, size_t index)
{
	uint64_t value = 0;
	bool lossless = false;

	if (napi_get_value_bigint_uint64(call->env, call->arguments[index], &value, &lossless) != napi_ok ||
	    !lossless)
		refuse(call);
	return value;
}

bool argument_bool(struct call *call, size_t index)
{
	bool value = false;

	if (napi_get_value_bool(call->env, call->arguments[index], &value) != napi_ok)
		refuse(call);
	return value;
}

static size_t element_bytes(napi_typedarray_type type)
{
	switch (type) {
	case napi_uint8_array:
		return 1;
	case napi_uint32_array:
		return 4;
	default:
		return 0;
	}
}

struct bytes argument_array(struct call *call, size_t index, napi_typedarray_type wanted)
{
	struct bytes bytes = {NULL, 0};
	napi_typedarray_type type;
	bool is_array = false;
	size_t length;
	void *data;

	/* Not by instanceof: the array may come from another vm context. */
	if (napi_is_typedarray(call->env, call->arguments[index], &is_array) != napi_ok || !is_array ||
	    napi_get_typedarray_info(call->env, call->arguments[index], &type, &length, &data, NULL, NULL) !=
		    napi_ok ||
	    type != wanted) {
		refuse(call);
		return bytes;
	}
	bytes.data = data;
	bytes.length = length * element_bytes(type);
	return bytes;
}

struct bytes argument_bytes(struct call *call, size_t index)
{
	return argument_array(call, index, napi_uint8_array);
}

void argument_string(struct call *call, size_t index, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	if (napi_get_value_string_utf8(call->env, call->arguments[index], NULL, 0, &length) != napi_ok) {
		refuse(call);
		return;
	}
	if (length >= size) {
		if (!call->error)
			call->error = -ENAMETOOLONG;
		return;
	}
	if (napi_get_value_string_utf8(call->env, call->arguments[index], out, size, &length) != napi_ok ||
	    strlen(out) != length)
		refuse(call);
}

napi_value return_number(struct call *call, double value)
{
	napi_value result = NULL;

	napi_create_double(call->env, value, &result);
	return result;
}

napi_value return_error(struct call *call)
{
	return return_number(call, call->error < 0 ? call->error : -EIO);
}

napi_value return_status(struct call *call, int status)
{
	napi_value result = NULL;

	napi_create_int32(call->env, status, &result);
	return result;
}

napi_value return_string(struct call *call, const char *text, size_t length)
{
	napi_value result = NULL;

	napi_create_string_utf8(call->env, text, length, &result);
	return result;
}

napi_value return_copy(struct call *call, const void *data, size_t length)
{
	napi_value buffer = NULL, result = NULL;
	void *memory = NULL;

	if (napi_create_arraybuffer(call->env, length, &memory, &buffer) != napi_ok)
		return return_status(call, -ENOMEM);
	copy_bytes(memory, data, length);
	napi_create_typedarray(call->env, napi_uint8_array, length, buffer, 0, &result);
	return result;
}

napi_value result_object(struct call *call)
{
	napi_value object = NULL;

	napi_create_object(call->env, &object);
	return object;
}

napi_value result_list(struct call *call)
{
	napi_value list = NULL;

	napi_create_array(call->env, &list);
	return list;
}

void list_push(struct call *call, napi_value list, napi_value item)
{
	uint32_t length = 0;

	napi_get_array_length(call->env, list, &length);
	napi_set_element(call->env, list, length, item);
}

void set_value(struct call *call, napi_value object, const char *name, napi_value value)
{
	napi_set_named_property(call->env, object, name, value);
}

void set_u32(struct call *call, napi_value object, const char *name, uint32_t value)
{
	set_value(call, object, name, return_number(call, value));
}

void set_u64(struct call *call, napi_value object, const char *name, uint64_t value)
{
	napi_value result = NULL;

	napi_create_bigint_uint64(call->env, value, &result);
	set_value(call, object, name, result);
}

void set_bool(struct call *call, napi_value object, const char *name, bool value)
{
	napi_value result = NULL;

	napi_get_boolean(call->env, value, &result);
	set_value(call, object, name, result);
}

void set_string(struct call *call, napi_value object, const char *name, const char *value)
{
	set_value(call, object, name, return_string(call, value, NAPI_AUTO_LENGTH));
}
