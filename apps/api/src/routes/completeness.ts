import type { Completeness } from "@weir/query";
import type { FastifyReply } from "fastify";

/** Clients take 16 KiB of headers in all. */
const maxHeaderLength = 8192;

/** The verdict on an answer that is rows: as one line of JSON, in ASCII. */
export function completenessHeader(reply: FastifyReply, verdict: Completeness): void {
  const whole = asciiJson(verdict);
  const { nodes, moreNodes = 0 } = verdict;
  const bare = { ...verdict, lost: {}, nodes: [], moreNodes: nodes.length + moreNodes };
  const text = whole.length <= maxHeaderLength ? whole : asciiJson({ ...bare, because: undefined });
  void reply.header("weir-completeness", text);
}

function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
