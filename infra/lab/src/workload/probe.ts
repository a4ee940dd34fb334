import { connect } from "node:net";
import { exchange, whenLate } from "./call.ts";

export interface ProbeTarget {
  address: string;
  port: number;
  protocol: "TCP" | "UDP";
}

export interface ProbeResult {
  allowed: boolean;
  /** What happened: `connected`, `replied`, `timeout`, or the system's word (`ECONNREFUSED`). */
  answer: string;
  milliseconds: number;
}

/** Datagrams sent to one target, spread over the timeout: one may be lost for other reasons. */
const DATAGRAMS = 3;

/** Really connects, or sends datagrams and waits for a reply. Never rejects. */
export async function probe(target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const started = performance.now();
  const answer =
    target.protocol === "TCP"
      ? await connects(target, timeoutMs)
      : await replies(target, timeoutMs);
  const milliseconds = Math.round((performance.now() - started) * 1000) / 1000;
  return { allowed: answer === "connected" || answer === "replied", answer, milliseconds };
}

function connects(target: ProbeTarget, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port });
    const end = (answer: string) => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = whenLate(timeoutMs, () => end("timeout"));
    socket.once("connect", () => end("connected"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function replies(target: ProbeTarget, timeoutMs: number): Promise<string> {
  return exchange(target.address, target.port, timeoutMs, DATAGRAMS).then(
    () => "replied",
    (error: NodeJS.ErrnoException) => error.code ?? "timeout",
  );
}
