import { labDown, labList, labUp } from "@weir/lab";
import { asVerb, labOf } from "../verbs/lab.ts";
import type { Claim } from "./claim.ts";
import type { UpNotes } from "./notes.ts";
import type { UpSettings } from "./settings.ts";

export interface LabInUse {
  name: string;
  /** Namespace with the most pods. */
  namespace: string | undefined;
  /** False: it was running before, and goes on afterwards. */
  isOurs: boolean;
  down(): Promise<unknown>;
}

/** Brings up the lab that `--lab` names; its pods say nothing until `beforeCalls` resolves. */
export async function startLab(
  settings: UpSettings,
  runDirectory: string,
  notes: Claim<UpNotes>,
  say: (text: string) => void,
  beforeCalls: () => Promise<void>,
): Promise<LabInUse> {
  const { name, manifests } = labOf(settings.lab);
  const isThere = labList({ runDirectory }).some(
    (lab) => lab.name === name && lab.state === "running",
  );
  // Noted before it is made: a kill in the middle leaves parts of it.
  if (!isThere) notes.update((held) => ({ ...held, labs: [name] }));
  say(`starting lab ${name}`);
  const { lab } = await asVerb(() =>
    labUp({
      name,
      manifests,
      nodes: settings.labNodes,
      runDirectory,
      beforeCalls,
      ...(settings.labStartAfterMs === undefined ? {} : { startAfterMs: settings.labStartAfterMs }),
      log: (note) => say(`  ${note}`),
      onProgress: (step) => say(`  ${step}`),
    }),
  );
  const count = Map.groupBy(
    lab.pods.filter((pod) => !pod.system),
    (pod) => pod.namespace,
  );
  const [namespace] = [...count].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  return { name, namespace, isOurs: !isThere, down: () => labDown({ name, runDirectory }) };
}
