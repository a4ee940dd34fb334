import { type Command, Option } from "commander";
import { outputOption } from "../print/format.ts";
import { apiOption, qualifiedName, wholeNumber } from "./options.ts";

const completenessHelp = `
One line on stderr says when the answer is not complete: when nodes made records of flows that are
not in the store. What is younger than five seconds is still on its way and does not count.`;

/** What asks a running weir. */
export function addQuestions(program: Command): void {
  addStatus(program);
  addFlows(program);
  addEdges(program);
  addReach(program);
  addSql(program);
  addLedger(program);
  addEvents(program);
}

function addStatus(program: Command): void {
  program
    .command("status")
    .description("whether weir is ready, what it watches, and what it lost")
    .addOption(outputOption(["table", "json", "yaml"]))
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Exit code 0 when ready, else 1. Example:
  weir status -o json | jq .collectors
  until weir status >/dev/null 2>&1; do sleep 1; done`,
    )
    .action(async (options) => (await import("./status.ts")).status(options));
}

function addFlows(program: Command): void {
  program
    .command("flows")
    .description("who talked to whom: bytes, packets, verdict")
    .option(
      "--since <time>",
      "from then on: a duration (30s, 5m, 24h, 7d) or RFC 3339 (default: 5m)",
    )
    .option("--until <time>", "until then: a duration ago, or RFC 3339")
    .addOption(
      new Option(
        "--at <time>",
        "what was going on then: from a packet before it to a packet after it",
      ).conflicts(["since", "until", "follow"]),
    )
    .option("--from <ns/pod>", "initiator; a pod, or the workload it belongs to")
    .option("--to <ns/pod>", "responder; a pod, or the workload it belongs to")
    .option("--namespace <ns>", "either end is in it")
    .option("--port <n>", "destination port", wholeNumber(0, 65_535))
    .option("--protocol <name>", "TCP, UDP, ICMP, ICMPv6, or an IANA number")
    .addOption(
      new Option("--verdict <verdict>", "what became of it").choices(["allowed", "denied"]),
    )
    .option(
      "--filter <text>",
      'what else has to hold: dst.port in (80, 443) and src.pod ~ "cart-*"',
    )
    .option("--limit <n>", "at most so many rows, the newest", wholeNumber(1, 100_000))
    .option("-f, --follow", "print flows as they happen, until Ctrl-C")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
A row is what one interface saw of one connection in one interval: source is who opened it, bytes
are those of the IP layer from source to destination, REPLY those that came back. A connection
between two pods is seen at both ends, once with direction egress, once with ingress.

Examples:
  weir flows --since 1m
  weir flows --from shop/cart --port 6379 -o json
  weir flows --filter 'src.namespace = shop and not dst.ip in 10.0.0.0/8'
  weir flows --at 2026-03-03T03:12:00Z --to shop/payment
  weir flows --verdict denied --follow

Names, labels and the policies in REASON are those of that time, whatever came later.${completenessHelp}`,
    )
    .action(async (options) => (await import("./flows.ts")).flows(options));
}

function addEdges(program: Command): void {
  program
    .command("edges")
    .description("sums of flows over any range, from the roll-ups")
    .option("--since <time>", "from then on: a duration or RFC 3339 (default: 1h)")
    .option("--until <time>", "until then: a duration ago, or RFC 3339")
    .addOption(
      new Option(
        "--at <time>",
        "of the minute that holds that time; the hour or the day where minutes are dropped",
      ).conflicts(["since", "until"]),
    )
    .option("--by <fields>", "a row for each combination: fields of --filter, minute, hour or day")
    .option("--filter <text>", "what has to hold, as of weir flows")
    .addOption(
      new Option("--order <sum>", "the largest of it first (default: bytes both ways)").choices([
        "connections",
        "packets",
        "bytes",
        "reply_packets",
        "reply_bytes",
        "rows",
      ]),
    )
    .option("--limit <n>", "at most so many rows", wholeNumber(1, 1_000_000))
    .option("--each", "every observation: a connection seen at both ends counts twice")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Examples:
  weir edges --since 30d --by src.namespace,dst.namespace
  weir edges --at 2026-03-03T03:12:00Z
  weir edges --since 24h --filter 'verdict = denied' --by hour,dst.workload -o csv
${completenessHelp}`,
    )
    .action(async (options) => (await import("./edges.ts")).edges(options));
}

function addReach(program: Command): void {
  program
    .command("reach")
    .description("who could reach a workload at a time, and under which policy texts")
    .requiredOption("--to <ns/name>", "the workload or pod", qualifiedName)
    .addOption(
      new Option("--at <time>", "then: RFC 3339, or a duration ago (default: now)").conflicts([
        "since",
        "until",
      ]),
    )
    .option("--since <time>", "all that held from then on, each with its time")
    .option("--until <time>", "until then (default: now)")
    .option("--port <n>", "on this port (default: those that it declared)", wholeNumber(1, 65_535))
    .addOption(new Option("--protocol <name>", "of the port").choices(["TCP", "UDP", "SCTP"]))
    .addOption(outputOption(["table", "json", "yaml"]))
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Labels, addresses and texts are those of that time, whatever came later.

Examples:
  weir reach --to shop/payment --at 2026-03-03T03:12:00Z
  weir reach --to shop/payment --since 24h --port 8080
${completenessHelp}`,
    )
    .action(async (options) => (await import("./reach.ts")).reach(options));
}

function addSql(program: Command): void {
  program
    .command("sql")
    .description("ask with SQL; read-only")
    .argument("[query]", "a SELECT; - reads it from stdin")
    .option("--tables", "list the tables, each with a line on what it holds")
    .option("--describe <table>", "list a table's columns, each with its meaning")
    .addOption(outputOption(["table", "json", "csv", "yaml"]))
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Examples:
  weir sql --describe flows
  weir sql "SELECT src_workload, dst_workload, dst_port, sum(bytes) FROM flows GROUP BY ALL"
  weir sql "SELECT * FROM flows WHERE verdict = 'denied' ORDER BY time DESC LIMIT 20" -o csv
${completenessHelp}
For SQL that is about the range that it holds time within (WHERE time > now() - INTERVAL 1 DAY), and
where that is not plain about all that is kept, which the line then says.`,
    )
    .action(async (query, options) => (await import("./sql.ts")).sql(query, options));
}

function addLedger(program: Command): void {
  program
    .command("ledger")
    .description("how complete the history is: produced, stored, and what was lost where")
    .option("--since <time>", "from then on: a duration or RFC 3339", "1h")
    .option("--until <time>", "until then: a duration ago, or RFC 3339")
    .addOption(outputOption(["table", "json", "yaml"]))
    .addOption(apiOption())
    .addHelpText("after", "\nExample:\n  weir ledger --since 24h -o json")
    .action(async (options) => (await import("./ledger.ts")).ledger(options));
}

function addEvents(program: Command): void {
  program
    .command("events")
    .description("what happened that is no flow, such as a policy that a node refused")
    .option("--since <time>", "from then on: a duration or RFC 3339 (default: 24h)")
    .option("--until <time>", "until then: a duration ago, or RFC 3339")
    .option("--kind <kind>", "only these: policy-error, policy-refused, policy-unpublished ...")
    .option("--namespace <ns>", "of the pod or the policy it concerns")
    .option("--workload <name>", "that it concerns")
    .option("--node <name>", "that it happened on")
    .option("--limit <n>", "at most so many, the newest", wholeNumber(1, 100_000))
    .option("-f, --follow", "print events as they happen, until Ctrl-C")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
Examples:
  weir events --since 7d --kind policy-error
  weir events --namespace shop --follow -o json

Events carry no numbers, so nobody can say that none is missing; those that were refused are told.`,
    )
    .action(async (options) => (await import("./events.ts")).events(options));
}
