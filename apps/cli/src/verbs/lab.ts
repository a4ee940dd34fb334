import { basename, extname } from "node:path";
import type { LabErrorCode, LabSummary, ProbeLine } from "@weir/lab";
import {
  LabError,
  labDown as down,
  labExec as exec,
  labList as list,
  labProbe as probe,
  labUp as up,
  shopManifests,
} from "@weir/lab";
import { hasPorts } from "@weir/policy";
import { sanitize } from "@weir/runtime";
import { CommandError, exitCodes, usageError } from "../exit.ts";
import { parsePort } from "../port.ts";
import type { Format } from "../print/format.ts";
import { printRows } from "../print/rows.ts";
import { runDirectory } from "../run-directory.ts";

/** Labs that come with weir. */
const builtIn: Record<string, string> = { shop: shopManifests };

const exitCodeOf: Record<LabErrorCode, number> = {
  unsupported: exitCodes.failed,
  invalid: exitCodes.usage,
  "not-found": exitCodes.denied,
  conflict: exitCodes.failed,
  failed: exitCodes.failed,
};

/** A lab's name and manifests from what --lab or `weir lab up` was given. */
export function labOf(given: string[], name?: string): { name: string; manifests: string[] } {
  const [only = ""] = given;
  if (given.length === 1 && Object.hasOwn(builtIn, only)) {
    return { name: name ?? only, manifests: [builtIn[only] as string] };
  }
  const made = basename(only, extname(only))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "");
  return { name: name ?? (made || "lab"), manifests: given };
}

/** Runs a lab operation; its error becomes the verb's. */
export async function asVerb<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    throw new CommandError(error.message, exitCodeOf[error.code], { cause: error });
  }
}

const say = (text: string): void => void process.stderr.write(`${sanitize(text)}\n`);

/** `weir lab up`. */
export async function labUp(
  given: string[],
  options: { name?: string; nodes?: number },
): Promise<void> {
  const { name, manifests } = labOf(given, options.name);
  const { lab, changed } = await asVerb(() =>
    up({
      name,
      manifests,
      runDirectory: runDirectory(),
      ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
      log: say,
      onProgress: say,
    }),
  );
  const what = `lab ${name}: ${lab.pods.length} pods on ${lab.nodes.length} nodes`;
  say(
    changed
      ? `${what} are up; weir up watches them, weir lab down --name ${name} takes them away`
      : `${what} were up already`,
  );
}

/** `weir lab down`. */
export async function labDown(options: { name?: string }): Promise<void> {
  const name = options.name ?? onlyLab();
  const found = await asVerb(() => down({ name, runDirectory: runDirectory() }));
  if (!found)
    throw new CommandError(`there is no lab ${name}; see: weir lab list`, exitCodes.denied);
  say(`lab ${name} is gone`);
}

function onlyLab(): string {
  const names = list({ runDirectory: runDirectory() }).map((lab) => lab.name);
  const [only] = names;
  if (only === undefined) throw new CommandError("there is no lab", exitCodes.denied);
  if (names.length > 1)
    throw usageError(`there are several labs (${names.join(", ")}); say which with --name`);
  return only;
}

/** `weir lab list`. */
export async function labList(options: { output: Format }): Promise<void> {
  printRows<LabSummary>(
    list({ runDirectory: runDirectory() }),
    {
      names: ["name", "state", "nodes", "pods", "started"],
      cells: (lab) => [lab.name, lab.state, lab.nodes.length, lab.pods.length, lab.started],
    },
    options.output,
  );
}

interface ProbeOptions {
  name?: string;
  port?: string[];
  from?: string;
  to?: string;
  output: Format;
}

/** `weir lab probe`. */
export async function labProbe(options: ProbeOptions): Promise<void> {
  const { name, from, to } = options;
  const ports = options.port?.map(parsePort).map(({ port, protocol }) => {
    if (hasPorts(protocol)) return { port, protocol };
    throw usageError(`${protocol} has no ports to connect to; probe TCP or UDP`);
  });
  const { lines, notes } = await asVerb(() =>
    probe({
      runDirectory: runDirectory(),
      ...(name === undefined ? {} : { name }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(ports === undefined ? {} : { ports }),
    }),
  );
  const refusals = lines.filter(({ answer }) => answer === "ECONNREFUSED").length;
  for (const note of notes) say(note);
  if (refusals > 0)
    say(
      `${refusals === 1 ? "1 was" : `${refusals} were`} refused by the pod itself, where nothing listens; a policy makes a timeout`,
    );
  printRows<ProbeLine>(
    lines,
    {
      names: ["from", "to", "port", "protocol", "verdict", "milliseconds", "answer"],
      cells: (one) => [
        one.from,
        one.to,
        one.port,
        one.protocol,
        one.verdict,
        one.milliseconds,
        one.answer,
      ],
    },
    options.output,
  );
}

/** `weir lab exec`: the exit code is the command's. */
export async function labExec(
  pod: string,
  command: string[],
  options: { name?: string },
): Promise<void> {
  // What follows the pod is handed over as it is, the `--` before it included.
  const words = command[0] === "--" ? command.slice(1) : command;
  const { code } = await asVerb(() =>
    exec({
      pod,
      command: words,
      stdio: "inherit",
      runDirectory: runDirectory(),
      ...(options.name === undefined ? {} : { name: options.name }),
    }),
  );
  process.exitCode = code;
}
