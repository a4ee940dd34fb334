import { type Command, Option } from "commander";

/** What runs until it is stopped. */
export function addStations(program: Command): void {
  addUp(program);
  addCollector(program);
  station(program, "enricher", "names flows by who had the addresses at the time, and stores them");
  station(
    program,
    "controller",
    "compiles policies for the kernel, publishes who has which address",
  );
  station(program, "recommender", "proposes policies from what was seen");
  station(program, "api", "answers questions and takes policies over HTTP", [
    new Option("--listen <addr>", "address and port (default: 127.0.0.1:7780)"),
    new Option("--token-file <file>", "token to ask for; needed to listen beyond loopback"),
  ]);
  addStore(program);
}

function addUp(program: Command): void {
  program
    .command("up")
    .description("the whole loop in one process, until Ctrl-C")
    .option(
      "--lab <name|manifest...>",
      "start a lab and take it away at the end: shop, or manifests",
    )
    .option("--manifests <dir>", "names and labels of workloads from Kubernetes manifests")
    .option("--kubeconfig <file>", "names and policies from a Kubernetes API")
    .option(
      "--interfaces <auto|none|name,...>",
      "interfaces of this machine to observe (default: auto, those with a route out when there is no lab)",
    )
    .option(
      "--bus <memory|kafka://host:port,...>",
      "what carries flows and policies (default: memory)",
    )
    .option("--store <embedded|http://host:port>", "where flows are kept (default: embedded)")
    .option("--data <dir>", "flows, policies and logs (default: ~/.local/state/weir)")
    .option("--listen <addr>", "of the API (default: 127.0.0.1:7780)")
    .option("--token-file <file>", "token that the API asks for; needed to listen beyond loopback")
    .option("--config <file>", "the same settings, and those of each station, as YAML")
    .addOption(new Option("--no-flows", "do not print the flows as they happen"))
    .addHelpText(
      "after",
      `
Flows go to stdout, everything else to stderr and to DIR/weir.log. Policies and flows are kept in
the data directory; process, namespaces, programs, maps and pins are gone after Ctrl-C.

Examples:
  weir up --lab shop
  weir up --lab manifests/ --data /var/lib/weir
  weir up --interfaces eth0 --manifests /etc/kubernetes/manifests`,
    )
    .action(async (options) => (await import("../up/up.ts")).up(options));
}

function addCollector(program: Command): void {
  program
    .command("collector")
    .description("counts flows in the kernel of this node, and enforces policy there")
    .option("--config <file>", "settings, as YAML; --help-config prints them all")
    .option(
      "--remove",
      "take the node's programs, maps and pins away; nothing is enforced afterwards",
    )
    .option("--node <name>", "the node, for --remove and as a setting")
    .option("--help-config", "print every setting with its default and bounds")
    .addHelpText(
      "after",
      `
When it stops, by SIGTERM or by kill -9, its programs stay and go on enforcing; the next one takes
over. Example:
  weir collector --config collector.yaml
  weir collector --remove --node node-1`,
    )
    .action(async (options) => (await import("./collector.ts")).collector(options));
}

/** `settings` are options that stand for settings of the same name. */
function station(
  program: Command,
  name: string,
  description: string,
  settings: Option[] = [],
): void {
  const command = program
    .command(name)
    .description(description)
    .option("--config <file>", "settings, as YAML; --help-config prints them all")
    .option("--help-config", "print every setting with its default and bounds");
  for (const one of settings) command.addOption(one);
  command
    .addHelpText(
      "after",
      `
A setting can also come from the environment: WEIR_${name.toUpperCase()}_FIELD_NAME. Example:
  weir ${name} --config ${name}.yaml`,
    )
    .action(async ({ config, helpConfig, ...overrides }) =>
      (await import("./station.ts")).station(name, { config, helpConfig }, overrides),
    );
}

function addStore(program: Command): void {
  const store = program
    .command("store")
    .enablePositionalOptions()
    .description("the embedded ClickHouse engine behind ClickHouse's HTTP interface")
    .option("--data <dir>", "where it keeps the tables (default: ~/.local/state/weir/store)")
    .option("--listen <addr>", "address and port, on loopback", "127.0.0.1:8123")
    .addHelpText(
      "after",
      `
One process may open a data directory. Stations of several processes share it through this door.
Example:
  weir store --data /var/lib/weir/store &
  weir enricher --config enricher.yaml      # store: http://127.0.0.1:8123`,
    )
    .action(async (options) => (await import("./store.ts")).store(options));
  addCopy(store, "backup", "copy every table into a new folder, with checksums");
  addCopy(store, "restore", "make an empty data directory from a backup, or leave it as it was");
}

function addCopy(store: Command, verb: "backup" | "restore", description: string): void {
  store
    .command(verb)
    .description(description)
    .argument("<dir>", "the folder of the backup")
    .option("--data <dir>", "of weir up, or DIR/store of it (default: ~/.local/state/weir/store)")
    .addHelpText(
      "after",
      `
No process may have the data directory open. Example:
  weir store ${verb} /backup/monday --data /var/lib/weir/store

weir up --data DIR keeps its tables in DIR/store.`,
    )
    .action(async (dir, options) => (await import("./store.ts")).storeCopy(verb, dir, options));
}
