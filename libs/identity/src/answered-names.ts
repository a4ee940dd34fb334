import { NamePool } from "./name-pool.ts";
import { emptyList, SlotLists } from "./slot-list.ts";
import type { ListEnds } from "./slot-list.ts";
import type { DnsAnswer } from "./dns-answer.ts";

export interface AnsweredNamesBounds {
  /** Addresses that clients were told of, all clients together. */
  maxEntries: number;
  /** The same for one client: who asks for everything forgets his own, not the others'. */
  maxEntriesPerClient: number;
  /** An answer counts for at least this long: resolvers of clients keep names past their time. */
  minTtlMs: number;
  maxTtlMs: number;
}

export interface AnsweredNamesCounters {
  /** Entries given up for newer ones. */
  evicted: number;
  /** Addresses of one answer beyond what is taken of one. */
  leftOut: number;
}

/** A key: the client, and the four words of the address. */
const keyWords = 5;

/**
 * Which name a client had asked for before it went to an address. A client is a number, such as that
 * of its interface; times are milliseconds of any one clock.
 *
 * A connection has the name that was good when it began, however long it lasts: the name before the
 * latest is kept too. Look-ups allocate nothing, and find their way by a seed: answers are made by
 * strangers, who must not know which addresses collide.
 */
export class AnsweredNames {
  readonly counters: AnsweredNamesCounters = { evicted: 0, leftOut: 0 };
  readonly pool = new NamePool();
  readonly #bounds: AnsweredNamesBounds;
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0] as number;
  readonly #buckets: Int32Array;
  readonly #next: Int32Array;
  /** Client and address of each slot. */
  readonly #keys: Int32Array;
  readonly #names: Int32Array;
  readonly #since: Float64Array;
  readonly #until: Float64Array;
  readonly #namesBefore: Int32Array;
  readonly #sinceBefore: Float64Array;
  readonly #untilBefore: Float64Array;
  readonly #ofAll: SlotLists;
  readonly #ofClients: SlotLists;
  readonly #all = emptyList();
  readonly #clients = new Map<number, ListEnds>();
  readonly #free: number[] = [];
  #used = 0;

  constructor(bounds: AnsweredNamesBounds) {
    const slots = bounds.maxEntries + 1;
    this.#bounds = bounds;
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * slots)));
    this.#next = new Int32Array(slots);
    this.#keys = new Int32Array(slots * keyWords);
    this.#names = new Int32Array(slots);
    this.#since = new Float64Array(slots);
    this.#until = new Float64Array(slots);
    this.#namesBefore = new Int32Array(slots);
    this.#sinceBefore = new Float64Array(slots);
    this.#untilBefore = new Float64Array(slots);
    this.#ofAll = new SlotLists(bounds.maxEntries);
    this.#ofClients = new SlotLists(bounds.maxEntries);
  }

  get size(): number {
    return this.#all.size;
  }

  /** The client got this answer at `atMs`. */
  learn(client: number, atMs: number, answer: DnsAnswer): void {
    const { minTtlMs, maxTtlMs } = this.#bounds;
    this.counters.leftOut += answer.leftOut;
    for (const { address, ttlSeconds } of answer.addresses) {
      const lifeMs = Math.min(Math.max(ttlSeconds * 1000, minTtlMs), maxTtlMs);
      this.#put(client, address, answer.name, atMs, atMs + lifeMs);
    }
  }

  /**
   * Number in `pool` of the name that the client had asked for when it went to the 16 bytes at
   * `offset` at `atMs`; 0: it had asked for none.
   */
  find(client: number, bytes: Uint8Array, offset: number, atMs: number): number {
    const slot = this.#slotOf(client, bytes, offset);
    if (slot === 0) return 0;
    this.#touch(slot);
    if (atMs >= (this.#since[slot] as number))
      return atMs < (this.#until[slot] as number) ? (this.#names[slot] as number) : 0;
    const isOfBefore =
      atMs >= (this.#sinceBefore[slot] as number) && atMs < (this.#untilBefore[slot] as number);
    return isOfBefore ? (this.#namesBefore[slot] as number) : 0;
  }

  /** The client is gone; its number may become another's. */
  forget(client: number): void {
    for (let own = this.#clients.get(client); own; own = this.#clients.get(client))
      this.#remove(own.last);
  }

  #put(client: number, address: Uint8Array, name: string, since: number, until: number): void {
    const known = this.#slotOf(client, address, 0);
    const slot = known === 0 ? this.#add(client, address) : known;
    this.#touch(slot);
    if (this.pool.text(this.#names[slot] as number) === name) {
      // One stretch, even where some time lay between: connections of before keep their name.
      this.#until[slot] = Math.max(this.#until[slot] as number, until);
      return;
    }
    this.pool.letGo(this.#namesBefore[slot] as number);
    this.#namesBefore[slot] = this.#names[slot] as number;
    this.#sinceBefore[slot] = this.#since[slot] as number;
    this.#untilBefore[slot] = this.#until[slot] as number;
    this.#names[slot] = this.pool.hold(name);
    this.#since[slot] = since;
    this.#until[slot] = until;
  }

  #slotOf(client: number, bytes: Uint8Array, offset: number): number {
    const keys = this.#keys;
    const a = word(bytes, offset);
    const b = word(bytes, offset + 4);
    const c = word(bytes, offset + 8);
    const d = word(bytes, offset + 12);
    let slot = this.#buckets[this.#bucket(client | 0, a, b, c, d)] as number;
    while (slot !== 0) {
      const at = slot * keyWords;
      if (
        keys[at + 4] === d &&
        keys[at + 3] === c &&
        keys[at] === (client | 0) &&
        keys[at + 2] === b &&
        keys[at + 1] === a
      )
        return slot;
      slot = this.#next[slot] as number;
    }
    return 0;
  }

  #bucket(client: number, a: number, b: number, c: number, d: number): number {
    let mixed = Math.imul(client ^ this.#seed, 0x9e37_79b1) ^ a;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) ^ b;
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35) ^ c;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b) ^ d;
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ this.#seed, 0xc2b2_ae35);
    return (mixed ^ (mixed >>> 13)) & (this.#buckets.length - 1);
  }

  #add(client: number, address: Uint8Array): number {
    const own = this.#clients.get(client) ?? emptyList();
    this.#clients.set(client, own);
    if (own.size >= this.#bounds.maxEntriesPerClient) this.#evict(own.last);
    else if (this.#all.size >= this.#bounds.maxEntries) this.#evict(this.#all.last);
    // The one that was given up may have been the client's only one.
    this.#clients.set(client, own);
    const slot = this.#free.pop() ?? ++this.#used;
    const at = slot * keyWords;
    this.#keys[at] = client;
    for (let index = 0; index < 4; index++) this.#keys[at + 1 + index] = word(address, 4 * index);
    const bucket = this.#bucketOf(slot);
    this.#next[slot] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = slot;
    this.#ofAll.addFirst(this.#all, slot);
    this.#ofClients.addFirst(own, slot);
    return slot;
  }

  #bucketOf(slot: number): number {
    const [client = 0, a = 0, b = 0, c = 0, d = 0] = this.#keys.subarray(
      slot * keyWords,
      (slot + 1) * keyWords,
    );
    return this.#bucket(client, a, b, c, d);
  }

  #touch(slot: number): void {
    if (this.#all.first === slot) return;
    this.#ofAll.moveFirst(this.#all, slot);
    const own = this.#clients.get(this.#keys[slot * keyWords] as number);
    if (own !== undefined) this.#ofClients.moveFirst(own, slot);
  }

  #evict(slot: number): void {
    this.counters.evicted++;
    this.#remove(slot);
  }

  #remove(slot: number): void {
    const client = this.#keys[slot * keyWords] as number;
    const own = this.#clients.get(client);
    this.#ofAll.remove(this.#all, slot);
    if (own !== undefined) {
      this.#ofClients.remove(own, slot);
      if (own.size === 0) this.#clients.delete(client);
    }
    this.#unchain(slot);
    this.pool.letGo(this.#names[slot] as number);
    this.pool.letGo(this.#namesBefore[slot] as number);
    for (const column of [this.#names, this.#since, this.#until]) column[slot] = 0;
    for (const column of [this.#namesBefore, this.#sinceBefore, this.#untilBefore])
      column[slot] = 0;
    this.#free.push(slot);
  }

  #unchain(slot: number): void {
    const bucket = this.#bucketOf(slot);
    let at = this.#buckets[bucket] as number;
    if (at === slot) {
      this.#buckets[bucket] = this.#next[slot] as number;
      return;
    }
    while (this.#next[at] !== slot) at = this.#next[at] as number;
    this.#next[at] = this.#next[slot] as number;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
