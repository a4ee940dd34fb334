import type { Message } from "@weir/bus";

export interface QueueBounds {
  maxMessages: number;
  maxBytes: number;
}

interface Waiting {
  message: Message;
  bytes: number;
  arrivedMs: number;
}

/**
 * Messages of one partition between the carrier and the handler. `push` resolves only when there
 * is room again, which is what holds the carrier back; a push itself is always taken, so the queue
 * exceeds its bounds by at most one batch of the carrier.
 */
export class PartitionQueue {
  #waiting: Waiting[] = [];
  #head = 0;
  #bytes = 0;
  #bounds: QueueBounds;
  #closed = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  get messages(): number {
    return this.#waiting.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async push(messages: Message[]): Promise<void> {
    if (this.#closed) return;
    const arrivedMs = performance.now();
    for (const message of messages) {
      const bytes = messageBytes(message);
      this.#bytes += bytes;
      this.#waiting.push({ message, bytes, arrivedMs });
    }
    this.#wakeReader?.();
    while (!this.#closed && !this.#hasRoom()) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
  }

  /** The oldest message, left where it is. */
  peek(): Readonly<Waiting> | undefined {
    return this.#waiting[this.#head];
  }

  shift(): Message | undefined {
    const oldest = this.#waiting[this.#head];
    if (!oldest) return undefined;
    this.#head += 1;
    this.#bytes -= oldest.bytes;
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    if (this.#hasRoom()) for (const wake of this.#wakeWriters.splice(0)) wake();
    return oldest.message;
  }

  /** Resolves when a message arrives, the time is over (`Infinity`: never) or `wake` is called. */
  async arrival(timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0 || this.#closed) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wakeReader = resolve;
      if (timeoutMs !== Infinity) timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
    this.#wakeReader = undefined;
  }

  wake(): void {
    this.#wakeReader?.();
  }

  /** Takes no more: further pushes are forgotten, held-back ones resolve. What waits can be read. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#wakeWriters.splice(0)) wake();
    this.#wakeReader?.();
  }

  #hasRoom(): boolean {
    return this.messages < this.#bounds.maxMessages && this.#bytes < this.#bounds.maxBytes;
  }
}

/** Bytes of key and value, and a little for the rest. */
export function messageBytes(message: Message): number {
  return 64 + (message.key?.length ?? 0) + (message.value?.byteLength ?? 0);
}
