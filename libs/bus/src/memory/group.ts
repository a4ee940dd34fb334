import type { BusCounters, GroupOptions, GroupReader, Position } from "../bus.ts";
import { asError, BusError } from "../error.ts";
import { refuseLongMetadata } from "../metadata.ts";
import { Turns } from "../turns.ts";
import { within } from "../wakeup.ts";
import { Delivery } from "../delivery.ts";
import type { MemoryPartition } from "./partition.ts";
import type { Positions } from "./positions.ts";

export interface GroupDoors {
  name: string;
  positions: Positions;
  counters: BusCounters;
  rebalanceTimeoutMs: number;
  partitionsOf(topic: string): MemoryPartition[];
  /** Stores what is committed and lets the partition drop what nobody needs any more. */
  commit(group: string, positions: Position[]): Promise<void>;
}

/** The members of one consumer group and who reads what; one change of members after the other. */
export class MemoryGroup {
  readonly #doors: GroupDoors;
  readonly #members = new Set<Member>();
  readonly #turns = new Turns();

  constructor(doors: GroupDoors) {
    this.#doors = doors;
  }

  async join(options: GroupOptions): Promise<GroupReader> {
    const member = new Member(options, this.#doors, (leaving) =>
      this.#change(() => this.#members.delete(leaving)),
    );
    await this.#change(() => this.#members.add(member));
    return member;
  }

  /** Everybody leaves at once. */
  close(): Promise<void> {
    return this.#change(() => this.#members.clear());
  }

  #change(change: () => void): Promise<void> {
    return this.#turns.take(async () => {
      // As in Kafka: everybody lets go, finishes what is in hand, and starts where the group stands.
      await Promise.all([...this.#members].map((member) => member.release()));
      change();
      await this.#assign();
    });
  }

  async #assign(): Promise<void> {
    const members = [...this.#members];
    const shares = new Map<Member, MemoryPartition[]>(members.map((member) => [member, []]));
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      const readers = members.filter((member) => member.topics.includes(topic));
      this.#doors.partitionsOf(topic).forEach((partition, index) => {
        shares.get(readers[index % readers.length] as Member)?.push(partition);
      });
    }
    await Promise.all([...shares].map(([member, share]) => member.take(share)));
  }
}

class Member implements GroupReader {
  readonly topics: string[];
  readonly #options: GroupOptions;
  readonly #doors: GroupDoors;
  readonly #leave: (member: Member) => Promise<void>;
  #owned = new Set<string>();
  #deliveries: Delivery[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: GroupOptions, doors: GroupDoors, leave: (member: Member) => Promise<void>) {
    this.topics = options.topics;
    this.#options = options;
    this.#doors = doors;
    this.#leave = leave;
  }

  /** Stops delivery; whoever does not finish in time is fenced when it commits later. */
  async release(): Promise<void> {
    for (const delivery of this.#deliveries) delivery.stop();
    const done = Promise.all(this.#deliveries.map((delivery) => delivery.done));
    if (!(await within(this.#doors.rebalanceTimeoutMs, done))) {
      const what = `a batch was not finished within ${this.#doors.rebalanceTimeoutMs} ms`;
      this.#onError(new BusError("fenced", `${what}; the group goes on without waiting for it`));
    }
    this.#deliveries = [];
  }

  async take(partitions: MemoryPartition[]): Promise<void> {
    const { name, positions } = this.#doors;
    // Nothing can be committed before the assignment is known: it would be of what was read before.
    this.#owned = new Set();
    const starts = partitions.map(({ log }): Position => {
      const committed = positions.get(name, log.topic, log.partition);
      // A position past the end is of a topic that was lost: Kafka begins anew as well.
      if (committed && committed.offset <= log.nextOffset) return committed;
      return { topic: log.topic, partition: log.partition, offset: -1n, metadata: "" };
    });
    try {
      await this.#options.onAssigned?.({ positions: starts });
    } catch (thrown) {
      this.#onError(asError(thrown));
    }
    this.#owned = new Set(partitions.map(({ log }) => keyOf(log)));
    this.#deliveries = partitions.map((partition, index) => {
      const { log } = partition;
      const { offset } = starts[index] as Position;
      const from = offset < log.firstOffset ? log.firstOffset : offset;
      partition.hold(name, from);
      return new Delivery({
        source: log,
        from,
        maxBatchMessages: this.#options.maxBatchMessages,
        counters: this.#doors.counters,
        onBatch: (batch) => this.#options.onBatch(batch),
        onError: (error) => this.#options.onError?.(error),
      });
    });
  }

  async commit(positions: Position[]): Promise<void> {
    refuseLongMetadata(positions);
    if (this.#closing && this.#owned.size === 0) {
      throw new BusError("closed", `this member of ${this.#doors.name} has been closed`);
    }
    const lost = positions.find((position) => !this.#owned.has(keyOf(position)));
    if (lost) {
      const what = `${lost.topic}/${lost.partition} is no longer read by this member of ${this.#doors.name}`;
      throw new BusError("fenced", `${what}; its messages are read again by the one that has it`);
    }
    await this.#doors.commit(this.#doors.name, positions);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#leave(this);
    this.#owned.clear();
  }

  #onError(error: Error): void {
    this.#doors.counters.retries++;
    this.#options.onError?.(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function keyOf(place: { topic: string; partition: number }): string {
  return `${place.topic}/${place.partition}`;
}
