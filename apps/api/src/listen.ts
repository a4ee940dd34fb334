import { isIP } from "node:net";

export interface Listen {
  host: string;
  port: number;
  loopback: boolean;
}

/** `7780`, `127.0.0.1:7780`, `[::1]:7780`, `localhost:0`. Throws with an example. */
export function parseListen(text: string): Listen {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new Error(`listen: ${text} is no address and port; give one like 127.0.0.1:7780`);
  }
  const host = match[1] ?? (match[2] || (match[2] === "" ? "0.0.0.0" : "127.0.0.1"));
  return { host, port, loopback: isLoopback(host) };
}

function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const family = isIP(host);
  return family === 4 ? host.startsWith("127.") : family === 6 && host === "::1";
}
