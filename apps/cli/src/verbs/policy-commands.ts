import type { Command } from "commander";
import { outputOption } from "../print/format.ts";
import { apiOption, gather, partyName, qualifiedName, wholeNumber } from "./options.ts";

/** `weir policy ...`: the first three need no running weir. */
export function addPolicy(program: Command): void {
  const policy = program
    .command("policy")
    .description("judge, explain, suggest and apply NetworkPolicies");
  addMatrix(policy);
  addLint(policy);
  addExplain(policy);
  addList(policy);
  addApply(policy);
  addDelete(policy);
  addRollback(policy);
  addHistory(policy);
  addSuggest(policy);
  addReplay(policy);
}

function addMatrix(policy: Command): void {
  policy
    .command("matrix")
    .description("the verdict between every two pods; needs no running weir")
    .argument("<manifest...>", "files or folders, YAML or JSON; - is stdin")
    .option("--port <port/protocol>", "may be given several times (default: 80/TCP)", gather)
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExample:\n  weir policy matrix pods.yaml policies/ --port 80/TCP --port 53/UDP -o json",
    )
    .action(async (manifests, options) =>
      (await import("./policy-matrix.ts")).policyMatrix(manifests, options),
    );
}

function addLint(policy: Command): void {
  policy
    .command("lint")
    .description("what an API server would refuse, and what does not do what it seems to")
    .argument("<manifest...>", "files or folders, YAML or JSON; - is stdin")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExit code 1 when something would be refused. Example:\n  weir policy lint policies/",
    )
    .action(async (manifests, options) =>
      (await import("./policy-lint.ts")).policyLint(manifests, options),
    );
}

function addExplain(policy: Command): void {
  policy
    .command("explain")
    .description("why a connection is allowed or denied, and the smallest edit that would allow it")
    .argument("[manifest...]", "files or folders; without any: what the running weir holds")
    .requiredOption("--from <ns/pod>", "who opens the connection; or an address", partyName)
    .requiredOption("--to <ns/pod>", "who is called; or an address", partyName)
    .requiredOption("--port <port/protocol>", "as in 80/TCP")
    .option(
      "--generation <number>",
      "by the policies of that generation, as a flow's row names it",
      wholeNumber(0, 2 ** 31 - 1),
    )
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Exit code 3 when it is denied. Examples:
  weir policy explain --from shop/intruder --to shop/cart --port 8080/TCP
  weir policy explain --from 192.0.2.7 --to shop/cart --port 8080/TCP --generation 3`,
    )
    .action(async (manifests, options) =>
      (await import("./policy-explain.ts")).policyExplain(manifests, options),
    );
}

function addList(policy: Command): void {
  policy
    .command("list")
    .description("the policies in force")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText("after", "\nExample:\n  weir policy list -o json")
    .action(async (options) => (await import("./policy-list.ts")).policyList(options));
}

function addApply(policy: Command): void {
  policy
    .command("apply")
    .description("put policies in force; returns when the kernels hold them")
    .requiredOption(
      "-f, --file <file>",
      "file or folder, may be given several times; - is stdin",
      gather,
    )
    .option("--shadow", "only record what they would deny")
    .option("--allow-empty-selection", "accept a policy that selects no pod there is now")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      "\nAll or nothing: one error, and what was in force stays. Example:\n  weir policy apply -f policy.yaml",
    )
    .action(async (options) => (await import("./policy-change.ts")).policyApply(options));
}

function addDelete(policy: Command): void {
  policy
    .command("delete")
    .description("take a policy out of force")
    .argument("<ns/name>", "the policy", qualifiedName)
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      "\nExit code 3 when there is none. Example:\n  weir policy delete shop/cart",
    )
    .action(async (name, options) =>
      (await import("./policy-change.ts")).policyDelete(name, options),
    );
}

function addRollback(policy: Command): void {
  policy
    .command("rollback")
    .description("put an earlier generation's policies back in force, as a new generation")
    .option("--to <generation>", "which; default: the one before", wholeNumber(0, 2 ** 31 - 1))
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText("after", "\nExample:\n  weir policy history\n  weir policy rollback --to 3")
    .action(async (options) => (await import("./policy-change.ts")).policyRollback(options));
}

function addHistory(policy: Command): void {
  policy
    .command("history")
    .description("every generation: when, and what changed")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText("after", "\nExample:\n  weir policy history -o json")
    .action(async (options) => (await import("./policy-list.ts")).policyHistory(options));
}

function addSuggest(policy: Command): void {
  policy
    .command("suggest")
    .description("NetworkPolicies that what was seen calls for, with their evidence")
    .option("--namespace <ns>", "for the workloads of one namespace")
    .option("--workload <ns/name>", "for one workload", qualifiedName)
    .option("--since <time>", "history to rest on: a duration or RFC 3339", "1h")
    .addOption(outputOption(["yaml", "json"]))
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
What was left out, and why, goes to stderr: unanswered, refused, or like a scan. Example:
  weir policy suggest --namespace shop -o yaml > p.yaml
  weir policy apply -f p.yaml`,
    )
    .action(async (options) => (await import("./policy-suggest.ts")).policySuggest(options));
}

function addReplay(policy: Command): void {
  policy
    .command("replay")
    .description("what policies would have done to recorded connections; changes nothing")
    .requiredOption(
      "-f, --file <file>",
      "file or folder, may be given several times; - is stdin",
      gather,
    )
    .option("--since <time>", "history to judge: a duration or RFC 3339", "1h")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Policies in force stay, those of the same name are replaced, as \`apply\` would. Example:
  weir policy replay -f policy.yaml --since 24h`,
    )
    .action(async (options) => (await import("./policy-replay.ts")).policyReplay(options));
}
