import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "@weir/bus";
import { CodecError, createFlowDecoder, flowSymbols, parseCidr } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";
import { ExternalNetworks } from "@weir/identity";
import type { IdentityIndex } from "@weir/identity";
import type { Metrics } from "@weir/runtime";
import { latestPackets } from "./end-names.ts";

export interface LateIdentitiesOptions {
  identity: IdentityIndex;
  /** Flows are looked at no sooner than this after they were sent. */
  headStartMs: number;
  /** How long after that a flow was sent its ends may still become known; 0 waits for nobody. */
  windowMs: number;
  /** Networks all of whose addresses are the cluster's: `10.64.0.0/10`. */
  podNetworks: readonly string[];
  metrics: Metrics;
}

interface Missing {
  address: Uint8Array;
  /** When the flow's latest packet was. */
  timeUs: number;
  untilMs: number;
}

const addressBytes = 16;
/** How often it is looked whether something has become known. */
const lookEveryMs = 20;
/** Nobody came in the window: for so long nobody else waits for that address. */
const giveUpForMs = 60_000;
/** Addresses that a batch waits for, and that are remembered as given up. */
const maxAddresses = 10_000;
const egress = flowSymbols.direction.indexOf("egress");

/**
 * A pod's first flows and the news of the pod travel on different topics. What is read before a
 * batch is written waits here until everybody is known who should be: the end at whose own
 * interface the flow was seen, and whoever is in the networks of pods. A row is never changed
 * later: roll-ups and tokens stay what they are.
 *
 * The wait ends with the window of what was sent last: batches behind it have waited meanwhile, so
 * that rows are late by one window at most. What lay on the bus for longer than that waits for
 * nobody.
 */
export class LateIdentities {
  readonly #options: LateIdentitiesOptions;
  readonly #podNetworks: ExternalNetworks;
  readonly #closing = new AbortController();
  /** Address as text of bytes -> when it may be waited for again. */
  readonly #givenUp = new Map<string, number>();
  readonly #waits;
  readonly #repaired;
  readonly #unknown;

  constructor(options: LateIdentitiesOptions) {
    const { podNetworks, metrics } = options;
    this.#options = options;
    this.#podNetworks = new ExternalNetworks(
      podNetworks.map((cidr) => ({ network: parseCidr(cidr), name: "pods" })),
    );
    this.#waits = metrics.counter(
      "identity_waits_total",
      "Batches of flows that waited for who an address is.",
    );
    this.#repaired = metrics.counter(
      "identity_late_total",
      "Addresses that became known while flows waited for them.",
    );
    this.#unknown = metrics.counter(
      "identity_given_up_total",
      "Addresses of pods that nobody was known for in the whole window.",
    );
  }

  /** Resolves when the batch may be written. Rejects when `signal` is aborted. */
  async wait(messages: readonly Message[], signal: AbortSignal): Promise<void> {
    const { headStartMs } = this.#options;
    const newestMs = messages.at(-1)?.timestampMs ?? 0;
    await this.#pause(Math.min(newestMs + headStartMs - Date.now(), headStartMs), signal);
    if (this.#closing.signal.aborted) return;
    let missing = this.#missing(messages, Date.now());
    if (missing.length > 0) this.#waits.inc();
    while (missing.length > 0 && !this.#closing.signal.aborted) {
      const { version } = this.#options.identity;
      await this.#pause(lookEveryMs, signal);
      if (this.#options.identity.version !== version) missing = this.#stillMissing(missing);
      missing = this.#inTime(missing, Date.now());
    }
  }

  /** Ends every wait, and those to come. */
  close(): void {
    this.#closing.abort();
  }

  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    if (delayMs <= 0) return;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    await sleep(delayMs, undefined, { signal: either }).catch((error: unknown) => {
      if (signal.aborted) throw error;
    });
  }

  #missing(messages: readonly Message[], nowMs: number): Missing[] {
    const { windowMs } = this.#options;
    const found = new Map<string, Missing>();
    let decoder: ReturnType<typeof createFlowDecoder> | undefined;
    for (const { value, timestampMs } of messages) {
      const untilMs = Math.min(timestampMs, nowMs) + windowMs;
      if (value === null || untilMs <= nowMs) continue;
      try {
        decoder ??= createFlowDecoder();
        this.#look(decoder.decode(value), untilMs, nowMs, found);
      } catch (error) {
        // Whoever writes the batch sets it aside.
        if (!(error instanceof CodecError)) throw error;
      }
    }
    return [...found.values()];
  }

  #look(columns: FlowColumns, untilMs: number, nowMs: number, found: Map<string, Missing>): void {
    const { addresses, count, direction, srcAddrIndex, dstAddrIndex, last } = columns;
    // Of each address and way to look at it: what was said is known for all rows of the block.
    const settled = new Uint8Array((2 * addresses.length) / addressBytes);
    const period = latestPackets(last, 0, count);
    for (let row = 0; row < count; row++) {
      const isEgress = direction[row] === egress;
      for (const isSource of [true, false]) {
        const place = (isSource ? srcAddrIndex : dstAddrIndex)[row] as number;
        const isOwn = isSource === isEgress;
        const way = 2 * place + (isOwn ? 1 : 0);
        if (settled[way] === 1) continue;
        const at = place * addressBytes;
        const isExpected = isSomebodys(addresses, at) && (isOwn || this.#isPods(addresses, at));
        const ref = isExpected
          ? this.#options.identity.findThroughout(addresses, at, period.from, period.until)
          : undefined;
        if (ref !== "varies") settled[way] = 1;
        if (!isExpected || (ref !== undefined && ref !== "varies")) continue;
        this.#note(found, addresses.subarray(at, at + addressBytes), {
          timeUs: last[row] as number,
          untilMs,
          nowMs,
        });
      }
    }
  }

  #isPods(addresses: Uint8Array, at: number): boolean {
    return this.#podNetworks.size > 0 && this.#podNetworks.find(addresses, at) !== undefined;
  }

  #note(
    found: Map<string, Missing>,
    bytes: Uint8Array,
    { timeUs, untilMs, nowMs }: { timeUs: number; untilMs: number; nowMs: number },
  ): void {
    if (this.#options.identity.find(bytes, 0, timeUs) !== undefined) return;
    const key = keyOf(bytes);
    if (found.size >= maxAddresses || (this.#givenUp.get(key) ?? 0) > nowMs) return;
    const known = found.get(key);
    if (known === undefined || known.untilMs < untilMs)
      found.set(key, { address: bytes.slice(), timeUs, untilMs });
  }

  #stillMissing(missing: Missing[]): Missing[] {
    const left = missing.filter(
      ({ address, timeUs }) => this.#options.identity.find(address, 0, timeUs) === undefined,
    );
    this.#repaired.inc({}, missing.length - left.length);
    return left;
  }

  #inTime(missing: Missing[], nowMs: number): Missing[] {
    const left = missing.filter(({ untilMs }) => untilMs > nowMs);
    if (left.length === missing.length) return left;
    this.#unknown.inc({}, missing.length - left.length);
    if (this.#givenUp.size + missing.length > maxAddresses) this.#givenUp.clear();
    for (const { address, untilMs } of missing)
      if (untilMs <= nowMs) this.#givenUp.set(keyOf(address), nowMs + giveUpForMs);
    return left;
  }
}

function keyOf(address: Uint8Array): string {
  return Buffer.from(address).toString("latin1");
}

/** No address of a pod: unspecified, loopback, link-local, multicast, broadcast. */
function isSomebodys(bytes: Uint8Array, at: number): boolean {
  const byte = (place: number): number => bytes[at + place] as number;
  if (byte(0) === 0xff || (byte(0) === 0xfe && (byte(1) & 0xc0) === 0x80)) return false;
  if (byte(0) !== 0) return true;
  if (byte(10) !== 0xff || byte(11) !== 0xff) return false;
  const [first, second] = [byte(12), byte(13)];
  return first !== 0 && first !== 127 && first < 224 && !(first === 169 && second === 254);
}
