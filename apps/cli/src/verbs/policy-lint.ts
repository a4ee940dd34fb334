import {
  type Diagnostic,
  clusterOf,
  formatDiagnostic,
  joinManifests,
  lint,
  readManifests,
} from "@weir/policy";
import { exitCodes } from "../exit.ts";
import { readManifestFiles } from "../manifest-files.ts";
import type { Format } from "../print/format.ts";
import { printRows } from "../print/rows.ts";

const counted = (count: number, one: string, more: string): string =>
  `${count} ${count === 1 ? one : more}`;

/** `weir policy lint`: exit code 1 when an API server would refuse something. */
export async function policyLint(paths: string[], options: { output: Format }): Promise<void> {
  const files = await readManifestFiles(paths);
  const manifests = joinManifests(files.map(({ file, text }) => readManifests(text, file)));
  const found = [...manifests.diagnostics, ...lint(clusterOf(manifests), manifests.policies)];
  if (options.output === "table") {
    for (const one of found) process.stdout.write(`${formatDiagnostic(one)}\n`);
  } else {
    printRows<Diagnostic>(
      found,
      {
        names: ["file", "line", "column", "severity", "text"],
        cells: (one) => [one.file, one.line, one.column, one.severity, one.text],
      },
      options.output,
    );
  }
  const errors = found.filter((one) => one.severity === "error").length;
  const counts = [
    counted(manifests.policies.length, "policy", "policies"),
    counted(errors, "error", "errors"),
    counted(found.length - errors, "warning", "warnings"),
  ];
  const summary = counts.join(", ");
  process.stderr.write(`${summary}\n`);
  if (errors > 0) process.exitCode = exitCodes.failed;
}
