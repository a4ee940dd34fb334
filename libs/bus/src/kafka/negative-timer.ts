import { requestQueue } from "./library.ts";

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const checkIntervalMs = 10;

/**
 * kafkajs 2.2.4 asks for a timer in the past after every answer, which makes Node 24 print
 * TimeoutNegativeWarning. With nothing pending there is nothing to check: the next push or answer
 * checks by itself. Otherwise it is as kafkajs has it.
 */
export function silenceNegativeTimers(): void {
  const { prototype } = requestQueue() as { prototype: RequestQueue };
  prototype.scheduleCheckPendingRequests = schedule;
}

function schedule(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const delayMs = Math.max(checkIntervalMs, this.throttledUntil - Date.now());
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, delayMs);
}
