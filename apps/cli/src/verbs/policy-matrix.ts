import { type MatrixLine, clusterOf, matrix } from "@weir/policy";
import { sanitizeJson } from "@weir/runtime";
import { CommandError } from "../exit.ts";
import { loadManifests } from "../manifests.ts";
import { parsePort } from "../port.ts";
import { csvLine } from "../print/csv.ts";
import type { Format } from "../print/format.ts";
import { type Columns, printRows } from "../print/rows.ts";

const columns: Columns<MatrixLine> = {
  names: ["from", "to", "port", "protocol", "verdict", "egress", "ingress"],
  cells: (one) => [one.from, one.to, one.port, one.protocol, one.verdict, one.egress, one.ingress],
};

/** Lines written at once: a matrix of many pods is larger than memory should hold. */
const chunkLines = 2000;

/** `weir policy matrix`. */
export async function policyMatrix(
  paths: string[],
  options: { port?: string[]; output: Format },
): Promise<void> {
  const ports = (options.port ?? ["80/TCP"]).map(parsePort);
  const manifests = await loadManifests(paths);
  const cluster = clusterOf(manifests);
  if (cluster.pods.length === 0) {
    throw new CommandError("there is no pod in these manifests, so nothing to judge");
  }
  const rows = matrix(cluster, manifests.policies, ports);
  if (options.output === "table" || options.output === "yaml") {
    printRows([...rows], columns, options.output);
    return;
  }
  const line =
    options.output === "json"
      ? (row: MatrixLine) => `${sanitizeJson(JSON.stringify(row))}\n`
      : (row: MatrixLine) => `${csvLine(columns.cells(row))}\r\n`;
  let chunk = options.output === "csv" ? [`${csvLine(columns.names)}\r\n`] : [];
  for (const row of rows) {
    chunk.push(line(row));
    if (chunk.length >= chunkLines) {
      await write(chunk.join(""));
      chunk = [];
    }
  }
  await write(chunk.join(""));
}

function write(text: string): Promise<void> {
  return new Promise((done) => {
    process.stdout.write(text, () => done());
  });
}
