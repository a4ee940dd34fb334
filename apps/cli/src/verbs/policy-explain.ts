import type { ExplainAnswer } from "@weir/api";
import {
  type Cluster,
  type Explanation,
  type Party,
  clusterOf,
  explain,
  namedParty,
} from "@weir/policy";
import { sanitize } from "@weir/runtime";
import { type ClientOptions, ask } from "../client.ts";
import { CommandError, exitCodes, usageError } from "../exit.ts";
import { loadManifests } from "../manifests.ts";
import { parsePort } from "../port.ts";
import { type Format, colourWanted, paint } from "../print/format.ts";
import { printObject } from "../print/rows.ts";

interface ExplainOptions extends ClientOptions {
  from: string;
  to: string;
  port: string;
  generation?: number;
  output: Format;
}

/** `weir policy explain`: exit code 3 when it is denied. */
export async function policyExplain(paths: string[], options: ExplainOptions): Promise<void> {
  const { from, to, generation } = options;
  const { port, protocol } = parsePort(options.port);
  let explanation: Explanation;
  if (paths.length === 0) {
    const query = { from, to, port, protocol, generation };
    const answer = await ask<ExplainAnswer>({ path: "/v1/explain", query }, options);
    if (generation !== undefined || answer.mode !== "enforce") {
      const how = answer.mode === "enforce" ? "" : `; in mode ${answer.mode} nothing is stopped`;
      const pods = answer.pods === "now" ? "are now" : `were at its end, ${answer.pods}`;
      process.stderr.write(
        sanitize(
          `by the policies of generation ${answer.generation}, pods as they ${pods}${how}\n`,
        ),
      );
    }
    explanation = answer;
  } else if (generation !== undefined) {
    throw usageError("--generation asks the running weir: give no manifests with it");
  } else {
    const manifests = await loadManifests(paths);
    const cluster = clusterOf(manifests);
    const question = { from: partyOf(cluster, from), to: partyOf(cluster, to), port, protocol };
    explanation = explain(cluster, manifests.policies, question);
  }
  printObject(explanation, options.output, () => explanationText(explanation, colourWanted()));
  if (explanation.verdict === "denied") process.exitCode = exitCodes.denied;
}

function partyOf(cluster: Cluster, text: string): Party {
  const party = namedParty(cluster, text);
  if (party !== undefined) return party;
  throw new CommandError(
    `there is no pod and no workload ${text} in the manifests`,
    exitCodes.denied,
  );
}

/** How people read an explanation. */
export function explanationText(explanation: Explanation, colour: boolean): string {
  const { from, to, port, protocol, verdict, egress, ingress, edits } = explanation;
  const what = port === 0 ? protocol : `${port}/${protocol}`;
  const shown = paint(verdict, verdict === "allowed" ? "green" : "red", colour);
  const lines = [
    `  egress   ${egress.verdict}: ${egress.because}`,
    `  ingress  ${ingress.verdict}: ${ingress.because}`,
  ];
  for (const { side, what: edit, path, add, alsoAllows } of edits) {
    lines.push("", `To allow it on the ${side} side, ${edit} (${path}):`);
    lines.push(
      ...add
        .trimEnd()
        .split("\n")
        .map((line) => `    ${line}`),
    );
    if (alsoAllows)
      lines.push(`  That also allows ${alsoAllows} other pairs of pods on this port.`);
  }
  const head = `${sanitize(`${from} → ${to} ${what}`, true)}: ${shown}`;
  return [head, ...lines.map((line) => sanitize(line, true)), ""].join("\n");
}
