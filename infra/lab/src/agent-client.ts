import { connect } from "node:net";
import { createInterface } from "node:readline";
import { LabError } from "./lab-error.ts";
import type { AgentAnswer, AgentRequest } from "./workload/agent.ts";

/**
 * Asks a pod's process one question over its unix socket, which no policy can close. Rejects, with
 * the system's error as `cause`, where nobody listens or the process goes away before it answers.
 */
export function askAgent<Op extends AgentRequest["op"]>(
  socketPath: string,
  request: AgentRequest & { op: Op },
  timeoutMs: number,
): Promise<AgentAnswer & { op: Op }> {
  const { promise, resolve, reject } = Promise.withResolvers<AgentAnswer & { op: Op }>();
  const fail = (cause: Error): void => {
    reject(new LabError("failed", `${socketPath}: ${cause.message}`, { cause }));
  };
  const socket = connect(socketPath, () => socket.write(`${JSON.stringify(request)}\n`));
  const late = new Error(`no answer to ${request.op} within ${timeoutMs} ms`);
  const timer = setTimeout(fail, timeoutMs, late);
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the process went away")));
  const lines = createInterface({ input: socket }).on("error", fail);
  lines.once("line", (line) => {
    const answer = JSON.parse(line) as AgentAnswer;
    if (answer.op === "error") fail(new Error(answer.message));
    else resolve(answer as AgentAnswer & { op: Op });
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
