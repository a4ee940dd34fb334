import type { Command } from "commander";
import { outputOption } from "../print/format.ts";
import { gather, qualifiedName, wholeNumber } from "./options.ts";

/** `weir lab ...`: a small cluster of network namespaces on this machine. */
export function addLab(program: Command): void {
  const lab = program
    .command("lab")
    .enablePositionalOptions()
    .description("run manifests as network namespaces on this machine");
  addUp(lab);
  addProbe(lab);
  addExec(lab);
  lab
    .command("list")
    .description("the labs on this machine, their nodes and pods")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  weir lab list -o json")
    .action(async (options) => (await import("./lab.ts")).labList(options));
  lab
    .command("down")
    .description("take a lab away, all of it")
    .option("--name <name>", "which; default: the only one there is")
    .addHelpText("after", "\nExample:\n  weir lab down --name shop")
    .action(async (options) => (await import("./lab.ts")).labDown(options));
}

function addUp(lab: Command): void {
  lab
    .command("up")
    .description("start pods, services and traffic as the manifests say; idempotent")
    .argument("<manifest...>", "files or folders, or the name of a lab that weir has (shop)")
    .option("--name <name>", "default: the folder's or the file's name")
    .option("--nodes <n>", "node namespaces to spread the pods over", wholeNumber(1, 64))
    .addHelpText(
      "after",
      `
A pod is a network namespace with a veth and a cgroup. Container ports are really listened on,
*_ADDR environment variables are really called. This machine's own network is not touched.
Example:
  weir lab up shop --nodes 2
  weir lab up manifests/ --name mine`,
    )
    .action(async (manifests, options) => (await import("./lab.ts")).labUp(manifests, options));
}

function addProbe(lab: Command): void {
  lab
    .command("probe")
    .description("really connect between every two pods")
    .option(
      "--port <port/protocol>",
      "may be given several times (default: what each declares)",
      gather,
    )
    .option("--from <ns/pod>", "only from this pod", qualifiedName)
    .option("--to <ns/pod>", "only to this pod", qualifiedName)
    .option("--name <name>", "the lab; default: the only one there is")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExample:\n  weir lab probe --from shop/intruder --port 6379/TCP -o json",
    )
    .action(async (options) => (await import("./lab.ts")).labProbe(options));
}

function addExec(lab: Command): void {
  lab
    .command("exec")
    .description("run a command in a pod")
    .argument("<ns/pod>", "the pod", qualifiedName)
    .argument("<command...>", "after --")
    .option("--name <name>", "the lab; default: the one that has the pod")
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nThe exit code is the command's. Example:\n  weir lab exec shop/cart-0 -- ip address",
    )
    .action(async (pod, command, options) => {
      await (await import("./lab.ts")).labExec(pod, command, options);
    });
}
