import { type Manifests, formatDiagnostic, joinManifests, readManifests } from "@weir/policy";
import { CommandError } from "./exit.ts";
import { readManifestFiles } from "./manifest-files.ts";

/**
 * Reads manifests; warnings go to stderr. Throws with a line `file:line:column: error: what` for
 * each thing that an API server would refuse.
 */
export async function loadManifests(paths: string[]): Promise<Manifests> {
  const files = await readManifestFiles(paths);
  const manifests = joinManifests(files.map(({ file, text }) => readManifests(text, file)));
  const errors = manifests.diagnostics.filter((one) => one.severity === "error");
  if (errors.length > 0) {
    const some = errors.slice(0, 50).map((one) => formatDiagnostic(one));
    const more = errors.length > 50 ? [`and ${errors.length - 50} more`] : [];
    throw new CommandError(["the manifests are not right", ...some, ...more].join("\n"));
  }
  for (const one of manifests.diagnostics) process.stderr.write(`${formatDiagnostic(one)}\n`);
  return manifests;
}
