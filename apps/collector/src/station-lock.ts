import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const attempts = 30;
const pauseMs = 100;

/** Another collector works on the same pins. */
export class NodeTaken extends Error {
  override readonly name = "NodeTaken";
}

/**
 * One collector per pin directory: an abstract socket that the kernel frees with the process,
 * whatever kills it. Whoever connects is told the holder's pid. Throws NodeTaken.
 */
export async function takeStationLock(pinDirectory: string): Promise<Disposable> {
  const name = `\0weir-collector-${createHash("sha256").update(pinDirectory).digest("hex").slice(0, 32)}`;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${process.pid}\n`);
  });
  for (let attempt = 1; ; attempt++) {
    try {
      await listen(server, name);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      const holder = await askHolder(name);
      // Nobody answers: the kernel takes a moment to free the name of a process that was killed.
      if (holder === "unknown" && attempt < attempts) {
        await sleep(pauseMs);
        continue;
      }
      throw new NodeTaken(
        `${pinDirectory} is in the hands of another collector (process ${holder}); stop that one, or give this one another node or pinDirectory`,
      );
    }
  }
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function askHolder(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    let answer = "";
    const end = (): void => {
      socket.destroy();
      resolve(/^\d+/.exec(answer)?.[0] ?? "unknown");
    };
    socket.setTimeout(1000, end);
    socket.on(
      "data",
      (bytes: Buffer) => (answer = (answer + bytes.toString("latin1")).slice(0, 20)),
    );
    socket.on("error", end);
    socket.on("close", end);
  });
}
