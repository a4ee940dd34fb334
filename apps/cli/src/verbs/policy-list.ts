import type { HistoryLine, PolicyLine } from "@weir/api";
import { type ClientOptions, askAll } from "../client.ts";
import type { Format } from "../print/format.ts";
import { printRows } from "../print/rows.ts";

type Options = ClientOptions & { output: Format };

/** `weir policy list`. */
export async function policyList(options: Options): Promise<void> {
  const policies = await askAll<PolicyLine>({ path: "/v1/policies" }, options);
  printRows(
    policies,
    {
      names: ["namespace", "name", "mode", "in force", "changed", "by", "problem"],
      cells: (one) => [
        one.namespace,
        one.name,
        one.shadow ? "shadow" : "enforce",
        one.inForce ? "yes" : "not yet",
        one.changed,
        one.author,
        one.problem ?? "",
      ],
    },
    options.output,
  );
  if (policies.length === 0) {
    process.stderr.write("no policy; weir policy suggest --namespace NS proposes some\n");
  }
}

/** `weir policy history`. */
export async function policyHistory(options: Options): Promise<void> {
  printRows(
    await askAll<HistoryLine>({ path: "/v1/policies/history" }, options),
    {
      names: ["generation", "time", "mode", "policies", "added", "changed", "removed"],
      cells: (one) => [
        one.generation,
        one.time,
        one.mode,
        one.policies,
        one.added.join(" "),
        one.changed.join(" "),
        one.removed.join(" "),
      ],
    },
    options.output,
  );
}
