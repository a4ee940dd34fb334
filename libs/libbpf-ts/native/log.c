/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libbpf and the verifier say, kept per thread and bounded: the tail stays, for the reason of
 * a refusal is at the end. Nothing of it reaches stderr.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "addon.h"

#define LIMIT_DEFAULT (64 * 1024)

static __thread struct {
	char *text; /* of twice the limit, so that the tail is moved rarely */
	size_t capacity;
	size_t length;
	size_t limit;
	uint32_t level;
} kept;

static void keep(const char *text, size_t length)
{
	size_t limit = kept.limit ? kept.limit : LIMIT_DEFAULT;

	if (kept.capacity < 2 * limit) {
		char *larger = realloc(kept.text, 2 * limit);

		if (!larger)
			return;
		kept.text = larger;
		kept.capacity = 2 * limit;
	}
	if (length > limit) {
		text += length - limit;
		length = limit;
	}
	if (kept.length + length > 2 * limit) {
		size_t tail = limit < kept.length ? limit : kept.length;

		memmove(kept.text, kept.text + kept.length - tail, tail);
		kept.length = tail;
	}
	memcpy(kept.text + kept.length, text, length);
	kept.length += length;
}

static int print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text = NULL;
	int length;

	if (level == LIBBPF_DEBUG && kept.level == 0)
		return 0;
	length = vasprintf(&text, format, arguments);
	if (length < 0)
		return 0;
	keep(text, length);
	free(text);
	return length;
}

void log_capture(void)
{
	libbpf_set_print(print);
}

void log_start(uint32_t level, uint32_t limit_bytes)
{
	kept.level = level;
	kept.limit = limit_bytes;
	kept.length = 0;
}

void log_clear(void)
{
	log_start(0, 0);
}

const char *log_text(size_t *length)
{
	size_t limit = kept.limit ? kept.limit : LIMIT_DEFAULT;
	size_t skip = kept.length > limit ? kept.length - limit : 0;

	*length = kept.length - skip;
	return kept.text ? kept.text + skip : "";
}

EXPORTED(take_log)
{
	/* Without call_begin, which clears the log. */
	struct call call = {.env = env};
	size_t length;
	const char *text = log_text(&length);
	napi_value result = return_string(&call, text, length);

	(void)info;
	log_clear();
	return result;
}
