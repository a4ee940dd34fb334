import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { BusError } from "../error.ts";

/** One process per folder: an abstract socket, which the kernel frees with the process. */
export async function lockDirectory(directory: string): Promise<Disposable> {
  const { dev, ino } = statSync(directory);
  const digest = createHash("sha256").update(`${dev} ${ino}`).digest("hex").slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const what = `${directory} is the spool of another process; stop that one, or give this one another folder`;
      reject(error.code === "EADDRINUSE" ? new BusError("unavailable", what) : error);
    });
    server.listen({ path: `\0weir-spool-${digest}` }, resolve);
  });
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}
