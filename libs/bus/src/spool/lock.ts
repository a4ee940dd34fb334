import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BusError } from "../error.ts";

/** The kernel may take a moment to free the name of a process that was killed. */
const attempts = 30;
const pauseMs = 100;

/** One process per folder: an abstract socket, which the kernel frees with the process. */
export async function lockDirectory(directory: string): Promise<Disposable> {
  const { dev, ino } = statSync(directory);
  const digest = createHash("sha256").update(`${dev} ${ino}`).digest("hex").slice(0, 32);
  for (let attempt = 1; ; attempt++) {
    const server = createServer((socket) => socket.destroy());
    const code = await listen(server, `\0weir-spool-${digest}`);
    if (code === undefined) {
      server.unref();
      return { [Symbol.dispose]: () => void server.close() };
    }
    if (code !== "EADDRINUSE" || attempt === attempts) {
      const what = `${directory} is the spool of another process (${code}); stop that one, or give this one another folder`;
      throw new BusError("unavailable", what);
    }
    await sleep(pauseMs);
  }
}

/** Undefined where it listens, else why not. */
function listen(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ path }, () => resolve(undefined));
  });
}
