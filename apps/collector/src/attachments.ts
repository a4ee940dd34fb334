import { existsSync, unlinkSync } from "node:fs";
import type { Mode } from "@weir/codec";
import type { CollectorSign } from "@weir/identity";
import { BpfError, Link } from "libbpf-ts";
import type { TypedMap } from "libbpf-ts";
import type { Log } from "@weir/runtime";
import type { Datapath } from "./datapath.ts";
import { attachHook, isAlive, removeOtherKind, removePinnedLink } from "./hook.ts";
import type { Hook, HookKind } from "./hook.ts";
import type { WantedInterface } from "./interfaces.ts";
import type { OdometerMaps } from "./odometer-maps.ts";
import { modes } from "./policy-mode.ts";
import type { PolicyWriter } from "./policy-writer.ts";
import type { Side } from "./pins.ts";
import type { Redirects } from "./redirects.ts";

export interface AttachmentsOptions {
  datapath: Datapath;
  policy: PolicyWriter;
  odometers: OdometerMaps;
  redirects: Redirects;
  hook: HookKind;
  modeLimit: Mode;
  log: Log;
  /** Told what is watched before an interface is brought up. */
  sign: CollectorSign;
  /**
   * The interface is detached; its number may be another's at once. `isWanted`: the number is to be
   * attached again in this round, so entries of its flows outlive the sweep that follows.
   */
  onGone: (gone: WantedInterface, isWanted: boolean) => void;
}

/** The interfaces whose programs are in place. */
export interface Attachments {
  readonly interfaces: WantedInterface[];
  /** Workloads whose interface took no program at the last attempt, and why: they are not enforced for. */
  readonly unwatched: string[];
  /**
   * Detaches what is not wanted any more and attaches what is new. Returns the interfaces that
   * were given up: what is left of their flows is to be swept.
   */
  reconcile(wanted: WantedInterface[]): { added: number; gone: WantedInterface[] };
  /**
   * After the first reconcile on maps that were taken over: gives up what an earlier collector left
   * in them of interfaces that nobody watches now. Returns how many there were.
   */
  forgetStrangers(): number;
  detachAll(): void;
  /** Lets go of everything; the programs stay where they are. */
  leaveAll(): void;
}

interface Attached {
  wanted: WantedInterface;
  hooks: Hook[];
}

interface Endpoint {
  mode_limit: number;
  inverted: number;
  closed_until_known: number;
}

export function createAttachments(options: AttachmentsOptions): Attachments {
  return new NodeAttachments(options);
}

class NodeAttachments implements Attachments {
  readonly #options: AttachmentsOptions;
  readonly #attached = new Map<number, Attached>();
  readonly #endpoints: TypedMap<number, Endpoint>;
  readonly #inherited: Inherited;
  /** Of interfaces that took no program. What was said last is there too, so that it is said once. */
  readonly #failures = new Map<number, { wanted: WantedInterface; message: string }>();
  /** Said once as well. */
  #isUntold = false;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#endpoints = options.datapath.map("endpoints").typed();
    this.#inherited = readInherited(options);
    this.#tellAttached();
  }

  get interfaces(): WantedInterface[] {
    return [...this.#attached.values()].map((one) => one.wanted);
  }

  get unwatched(): string[] {
    return [...this.#failures.values()]
      .filter(({ wanted }) => !wanted.own)
      .map(
        ({ wanted, message }) => `${wanted.name} (${wanted.namespace}/${wanted.pod}): ${message}`,
      );
  }

  reconcile(wanted: WantedInterface[]): { added: number; gone: WantedInterface[] } {
    const byIndex = new Map(wanted.map((one) => [one.ifindex, one]));
    const gone: WantedInterface[] = [];
    for (const one of this.#attached.values()) {
      if (isSame(one.wanted, byIndex.get(one.wanted.ifindex)) && isInPlace(one)) continue;
      this.#giveUp(one, byIndex.has(one.wanted.ifindex));
      gone.push(one.wanted);
    }
    let added = 0;
    for (const one of wanted) {
      if (!this.#attached.has(one.ifindex) && this.#tryAttach(one)) added++;
    }
    dropInherited(this.#inherited);
    for (const ifindex of this.#failures.keys()) {
      if (!byIndex.has(ifindex)) this.#failures.delete(ifindex);
    }
    this.#tellAttached();
    return { added, gone };
  }

  forgetStrangers(): number {
    const strangers = [...this.#endpoints.entries()]
      .map(([ifindex]) => ifindex)
      .filter((ifindex) => !this.#attached.has(ifindex));
    for (const ifindex of strangers) {
      this.#endpoints.delete(ifindex);
      this.#options.policy.remove(ifindex);
      this.#options.onGone(stranger(ifindex), false);
    }
    return strangers.length;
  }

  detachAll(): void {
    this.#options.sign.withdraw();
    for (const one of this.#attached.values()) this.#giveUp(one, false);
  }

  leaveAll(): void {
    this.#options.sign.withdraw();
    for (const one of this.#attached.values()) for (const hook of one.hooks) hook.leave();
    this.#attached.clear();
    for (const sides of this.#inherited.values()) {
      for (const side of Object.values(sides)) side.link.close();
    }
    this.#inherited.clear();
  }

  #tellAttached(): void {
    try {
      this.#options.sign.attached(this.interfaces.flatMap(({ own, uid }) => (own ? [] : [uid])));
    } catch (error) {
      if (this.#isUntold) return;
      this.#isUntold = true;
      this.#options.log.warn({ error }, "whoever wires pods cannot be told what is watched");
    }
  }

  #giveUp(one: Attached, isWanted: boolean): void {
    const { ifindex } = one.wanted;
    this.#options.redirects.remove(one.wanted);
    for (const hook of one.hooks) hook.detach();
    this.#attached.delete(ifindex);
    this.#forget(ifindex);
    this.#options.onGone(one.wanted, isWanted);
  }

  /** The interface may go at any moment, and another program may be in the way: it is tried again. */
  #tryAttach(wanted: WantedInterface): boolean {
    try {
      this.#attach(wanted);
      this.#failures.delete(wanted.ifindex);
      return true;
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      if (this.#failures.get(wanted.ifindex)?.message !== error.message) {
        const { log } = this.#options;
        log.warn({ error, interface: wanted.name }, "cannot watch this interface; trying again");
      }
      this.#failures.set(wanted.ifindex, { wanted, message: error.message });
      return false;
    }
  }

  #attach(wanted: WantedInterface): void {
    const { datapath, policy, odometers, modeLimit, hook: kind } = this.#options;
    const { ifindex, own } = wanted;
    const wasWatched = this.#endpoints.get(ifindex) !== undefined;
    // What the programs look up is there before the first packet reaches them.
    this.#endpoints.set(ifindex, endpointOf(wanted, modeLimit));
    odometers.open(ifindex);
    const hooks: Hook[] = [];
    const links = inheritedLinks(this.#inherited, datapath, ifindex);
    try {
      if (!own) policy.add(wanted);
      for (const side of ["from", "to"] as const) {
        const place = { ...wanted, side, inverted: own };
        hooks.push(attachHook(datapath, kind, place, links[side]));
        if (wasWatched) removeOtherKind(datapath, kind, place, links[side]);
      }
    } catch (error) {
      for (const hook of hooks) {
        if (wasWatched) hook.leave();
        else hook.detach();
      }
      for (const link of Object.values(links)) link.close();
      // What enforced before goes on, with the programs it has; of the rest nothing stays.
      if (!wasWatched) this.#forget(ifindex);
      throw error;
    }
    this.#attached.set(ifindex, { wanted, hooks });
    this.#options.redirects.add(wanted);
  }

  #forget(ifindex: number): void {
    this.#endpoints.delete(ifindex);
    this.#options.policy.remove(ifindex);
  }
}

/** A pod's interface is closed until the policy knows the pod; the machine's own only observe. */
function endpointOf({ own, pod }: WantedInterface, modeLimit: Mode): Endpoint {
  return {
    mode_limit: modes.indexOf(own ? "observe" : modeLimit),
    inverted: own ? 1 : 0,
    closed_until_known: own || pod === "" ? 0 : 1,
  };
}

type Inherited = Map<number, Partial<Record<Side, { link: Link; path: string }>>>;

/** Links that an earlier collector left pinned and that still hold an interface. */
function readInherited({ datapath, policy, log, onGone }: AttachmentsOptions): Inherited {
  const inherited: Inherited = new Map();
  const dead = new Set<number>();
  for (const { ifindex, side, path } of datapath.pins.links()) {
    const link = openPinned(path);
    if (link === undefined) dead.add(ifindex);
    else inherited.set(ifindex, { ...inherited.get(ifindex), [side]: { link, path } });
  }
  for (const ifindex of dead) {
    // Another interface may have the number by now: nothing of this one may be taken for its.
    datapath.map("endpoints").delete(indexKey(ifindex));
    policy.remove(ifindex);
    onGone(stranger(ifindex), false);
  }
  if (inherited.size > 0) {
    log.info({ interfaces: inherited.size }, "found the programs of an earlier collector in place");
  }
  return inherited;
}

/** An interface of which only the number is left. */
function stranger(ifindex: number): WantedInterface {
  const none = { netns: undefined, namespace: "", pod: "", uid: "" };
  const flags = { own: false, layer3: false, direct: false };
  return { ifindex, name: `gone-${ifindex}`, ...none, addresses: [], ...flags };
}

/** The interface's; also those of an attempt that failed, which are pinned still. */
function inheritedLinks(
  inherited: Inherited,
  { pins }: Datapath,
  ifindex: number,
): Partial<Record<Side, Link>> {
  const links: Partial<Record<Side, Link>> = {};
  const found = inherited.get(ifindex);
  inherited.delete(ifindex);
  for (const side of ["from", "to"] as const) {
    const link = found?.[side]?.link ?? openPinned(pins.link(ifindex, side));
    if (link !== undefined) links[side] = link;
  }
  return links;
}

function openPinned(path: string): Link | undefined {
  if (!existsSync(path)) return undefined;
  const link = Link.openPinned(path);
  if (isAlive(link)) return link;
  unlinkSync(path);
  link.close();
  return undefined;
}

/** What nobody wants any more: the workload went while no collector was there. */
function dropInherited(inherited: Inherited): void {
  for (const sides of inherited.values()) {
    for (const side of Object.values(sides)) removePinnedLink(side.link, side.path);
  }
  inherited.clear();
}

function isSame(held: WantedInterface, wanted: WantedInterface | undefined): boolean {
  return wanted !== undefined && held.uid === wanted.uid && held.name === wanted.name;
}

function isInPlace(one: Attached): boolean {
  return one.hooks.every((hook) => hook.alive());
}

function indexKey(ifindex: number): Uint8Array {
  return new Uint8Array(new Uint32Array([ifindex]).buffer);
}
