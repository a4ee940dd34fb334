/* SPDX-License-Identifier: Apache-2.0 */
/* BTF as bytes: TypeScript reads them. */
#include <errno.h>

#include <bpf/btf.h>

#include "addon.h"

static napi_value return_btf(struct call *call, struct btf *btf)
{
	napi_value result;
	const void *data;
	__u32 size;

	if (!btf)
		return return_status(call, -errno);
	data = btf__raw_data(btf, &size);
	result = data ? return_copy(call, data, size) : return_status(call, -ENOMEM);
	btf__free(btf);
	return result;
}

/* (path of an ELF object or of raw BTF) -> bytes */
EXPORTED(btf_read)
{
	struct call call;
	char path[PATH_BYTES];

	call_begin(&call, env, info);
	argument_string(&call, 0, path, sizeof(path));
	if (call.error)
		return return_error(&call);
	return return_btf(&call, btf__parse(path, NULL));
}

/* (id) -> bytes */
EXPORTED(btf_by_id)
{
	struct call call;
	uint32_t id;

	call_begin(&call, env, info);
	id = argument_u32(&call, 0);
	if (call.error)
		return return_error(&call);
	return return_btf(&call, btf__load_from_kernel_by_id(id));
}
