import { setTimeout as sleep } from "node:timers/promises";

export interface RetryPolicy {
  maxAttempts: number;
  firstDelayMs: number;
  maxDelayMs: number;
}

/** Delay before attempt `attempt` (2 is the first retry): doubled each time, at most maxDelayMs. */
export function retryDelayMs(policy: RetryPolicy, attempt: number): number {
  return Math.min(policy.firstDelayMs * 2 ** Math.max(attempt - 2, 0), policy.maxDelayMs);
}

/** Sleeps unless the signal is aborted, which wakes it. Never rejects. True: slept to the end. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await sleep(delayMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
