/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumer of a BPF ring buffer, as Documentation/bpf/ringbuf.rst has it.
 *
 * The pages stay in here: a write to the producer's from JavaScript would kill the process. The
 * consumer position lives in the kernel's page, so whoever opens the ring next goes on from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"

#define HEADER_BYTES 8

struct ring {
	uint64_t *consumer;       /* its page is ours to write */
	const uint64_t *producer; /* read only, the data behind it mapped twice in a row */
	const uint8_t *data;
	uint64_t mask;
	size_t page;
	uint64_t discarded;
	uint64_t mismatched;
};

static void release_ring(void *state)
{
	struct ring *ring = state;

	munmap(ring->consumer, ring->page);
	munmap((void *)ring->producer, ring->page + 2 * (ring->mask + 1));
	free(ring);
}

static int map_pages(struct ring *ring, int fd, uint32_t size)
{
	void *pages;

	ring->page = sysconf(_SC_PAGESIZE);
	ring->mask = size - 1;
	pages = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		return -errno;
	ring->consumer = pages;
	pages = mmap(NULL, ring->page + 2 * (size_t)size, PROT_READ, MAP_SHARED, fd, ring->page);
	if (pages == MAP_FAILED) {
		int error = -errno;

		munmap(ring->consumer, ring->page);
		return error;
	}
	ring->producer = pages;
	ring->data = (const uint8_t *)pages + ring->page;
	return 0;
}

/* (map) -> handle */
EXPORTED(ring_open)
{
	struct call call;
	struct handle *map;
	struct ring *ring;
	int error;

	call_begin(&call, env, info);
	map = argument_handle(&call, 0, HANDLE_MAP);
	if (call.error)
		return return_error(&call);
	if (map_shape_of(map)->type != BPF_MAP_TYPE_RINGBUF)
		return return_status(&call, -EINVAL);
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return return_status(&call, -ENOMEM);
	error = map_pages(ring, map->fd, map_shape_of(map)->max_entries);
	if (error) {
		free(ring);
		return return_status(&call, error);
	}
	return handle_new(&call, HANDLE_RING, -1, ring, release_ring);
}

struct record {
	const uint8_t *data;
	uint32_t length;
	uint64_t next; /* consumer position behind it */
};

/*
 * The committed record at `position`, discarded ones passed over: 1, or 0 at the end of what is
 * ready. -EPROTO when the position, which any holder of the map can write, is none of a record.
 */
static int next_record(struct ring *ring, uint64_t *position, uint64_t producer, struct record *record)
{
	if (*position > producer || *position % 8)
		return -EPROTO;
	while (*position < producer) {
		const uint8_t *header = ring->data + (*position & ring->mask);
		uint32_t word = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
		uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return 0;
		record->next = *position + ((uint64_t)length + HEADER_BYTES + 7) / 8 * 8;
		if (record->next > producer)
			return -EPROTO;
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			record->data = header + HEADER_BYTES;
			record->length = length;
			return 1;
		}
		ring->discarded++;
		*position = record->next;
	}
	return 0;
}

static struct ring *argument_ring(struct call *call)
{
	struct handle *handle = argument_handle(call, 0, HANDLE_RING);

	return handle ? handle->state : NULL;
}

/* (ring, buffer, recordBytes) -> count of records copied */
EXPORTED(ring_drain)
{
	struct call call;
	struct ring *ring;
	struct bytes buffer;
	struct record record;
	uint64_t position, producer;
	uint32_t record_bytes, count = 0;
	size_t used = 0;
	int ready = 0;

	call_begin(&call, env, info);
	ring = argument_ring(&call);
	buffer = argument_bytes(&call, 1);
	record_bytes = argument_u32(&call, 2);
	if (!call.error && (record_bytes == 0 || record_bytes > buffer.length))
		call.error = -EMSGSIZE;
	if (call.error)
		return return_error(&call);
	position = *ring->consumer;
	producer = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	while (buffer.length - used >= record_bytes &&
	       (ready = next_record(ring, &position, producer, &record)) > 0) {
		if (record.length == record_bytes) {
			memcpy(buffer.data + used, record.data, record_bytes);
			used += record_bytes;
			count++;
		} else {
			ring->mismatched++;
		}
		position = record.next;
	}
	if (ready < 0 && count == 0)
		return return_status(&call, ready);
	/* Only now may the kernel write over what was copied. */
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	return return_number(&call, count);
}

/* (ring, buffer, offsets) -> count; record i lies at offsets[i]..offsets[i+1] */
EXPORTED(ring_drain_variable)
{
	struct call call;
	struct ring *ring;
	struct bytes buffer, offset_bytes;
	struct record record;
	uint64_t position, producer;
	uint32_t *offsets, count = 0, most, used = 0;
	int ready = 0;

	call_begin(&call, env, info);
	ring = argument_ring(&call);
	buffer = argument_bytes(&call, 1);
	offset_bytes = argument_array(&call, 2, napi_uint32_array);
	if (!call.error && (offset_bytes.length < 2 * sizeof(*offsets) || buffer.length > UINT32_MAX))
		call.error = -EMSGSIZE;
	if (call.error)
		return return_error(&call);
	offsets = (uint32_t *)offset_bytes.data;
	most = offset_bytes.length / sizeof(*offsets) - 1;
	offsets[0] = 0;
	position = *ring->consumer;
	producer = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	while (count < most && (ready = next_record(ring, &position, producer, &record)) > 0) {
		if (record.length > buffer.length - used) {
			ready = -ENOSPC;
			break;
		}
		memcpy(buffer.data + used, record.data, record.length);
		used += record.length;
		offsets[++count] = used;
		position = record.next;
	}
	if (ready == -EPROTO && count == 0)
		return return_status(&call, ready);
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	return ready < 0 && count == 0 ? return_status(&call, ready) : return_number(&call, count);
}

/* (ring, Uint8Array of 40 bytes): pending, size, discarded, mismatched, position as u64 */
EXPORTED(ring_state)
{
	struct call call;
	struct ring *ring;
	struct bytes out;
	uint64_t state[5];

	call_begin(&call, env, info);
	ring = argument_ring(&call);
	out = argument_bytes(&call, 1);
	if (!call.error && out.length < sizeof(state))
		call.error = -EMSGSIZE;
	if (call.error)
		return return_error(&call);
	state[0] = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
	state[1] = ring->mask + 1;
	state[2] = ring->discarded;
	state[3] = ring->mismatched;
	state[4] = *ring->consumer;
	memcpy(out.data, state, sizeof(state));
	return return_status(&call, 0);
}
