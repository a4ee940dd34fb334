import { userInfo } from "node:os";
import type { EnactedAnswer } from "@weir/api";
import { sanitize } from "@weir/runtime";
import { type Call, type ClientOptions, ask } from "../client.ts";
import { CommandError } from "../exit.ts";
import { readManifestFiles } from "../manifest-files.ts";
import type { Format } from "../print/format.ts";
import { printObject } from "../print/rows.ts";

interface ApplyOptions extends ClientOptions {
  file: string[];
  shadow?: boolean;
  allowEmptySelection?: boolean;
  output: Format;
}

/** `weir policy apply`. */
export async function policyApply(options: ApplyOptions): Promise<void> {
  const body = {
    files: await readManifestFiles(options.file),
    shadow: options.shadow ?? false,
    allowEmptySelection: options.allowEmptySelection ?? false,
    author: author(),
  };
  report(await change({ method: "POST", path: "/v1/policies", body }, options), options.output);
}

/** `weir policy delete`. */
export async function policyDelete(
  name: string,
  options: ClientOptions & { output: Format },
): Promise<void> {
  const [namespace, policy] = name.split("/").map(encodeURIComponent);
  const path = `/v1/policies/${namespace}/${policy}`;
  report(await change({ method: "DELETE", path }, options), options.output);
}

/** `weir policy rollback`. */
export async function policyRollback(
  options: ClientOptions & { to?: number; output: Format },
): Promise<void> {
  const body = { ...(options.to === undefined ? {} : { to: options.to }), author: author() };
  const path = "/v1/policies/rollback";
  report(await change({ method: "POST", path, body }, options), options.output);
}

/** Interrupted, it is whole or not at all: only nobody waits for the kernels any more. */
async function change(call: Call, options: ClientOptions): Promise<EnactedAnswer> {
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    return await ask<EnactedAnswer>({ ...call, signal: interrupted.signal }, options);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CommandError(
      "interrupted while waiting; what was asked for happens as a whole or not at all, see: weir policy list",
    );
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function author(): string {
  return process.env["SUDO_USER"] ?? userInfo().username;
}

function report(answer: EnactedAnswer, format: Format): void {
  for (const warning of answer.warnings) process.stderr.write(`${sanitize(warning)}\n`);
  printObject(answer, format, () => enactedText(answer));
  if (answer.nodes.length === 0) {
    process.stderr.write("no collector is running: it is kept, and the next one will enforce it\n");
  }
}

/** How people read what came of a change. */
export function enactedText(answer: EnactedAnswer): string {
  const what = [
    ...answer.applied.map((name) => `${name} applied`),
    ...answer.deleted.map((name) => `${name} deleted`),
  ];
  const where = answer.nodes.length === 1 ? "1 node" : `${answer.nodes.length} nodes`;
  const state = answer.changed ? `in force on ${where}` : "unchanged";
  return sanitize(
    `${[...what, `generation ${answer.generation} ${state}, ${answer.mode}`].join("\n")}\n`,
  );
}
