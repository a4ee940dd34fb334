import { closeReasons } from "../flow-line.ts";

/** What a field of a filter holds; it decides which comparisons there are, and how a value is read. */
export type FieldType =
  | { kind: "text" }
  /** Compared in any case. */
  | { kind: "protocol" }
  | { kind: "address" }
  | { kind: "time" }
  | { kind: "boolean" }
  /** Nullable: where it is not known no comparison holds. */
  | { kind: "number"; max: number; nullable?: true }
  | { kind: "enum"; symbols: readonly string[] };

export interface Field {
  /** As it is written: `src.namespace`. */
  name: string;
  /** Of the table flows; two where either end counts. Addresses: the text column. */
  columns: readonly [string, ...string[]];
  type: FieldType;
  doc: string;
  /** The roll-ups have it too, with the same meaning. */
  rolledUp: boolean;
  /** The live tail knows it. */
  live: boolean;
}

const text: FieldType = { kind: "text" };
const address: FieldType = { kind: "address" };
const boolean: FieldType = { kind: "boolean" };
const time: FieldType = { kind: "time" };
const number = (max: number): FieldType => ({ kind: "number", max });
const uint32 = number(4_294_967_295);
const knownUint32: FieldType = { kind: "number", max: 4_294_967_295, nullable: true };
const anyCount = number(Number.MAX_SAFE_INTEGER);

type Where = "everywhere" | "raw and live" | "raw";

function field(name: string, type: FieldType, doc: string, where: Where, columns?: string[]) {
  const [first = name.replace(".", "_"), ...more] = columns ?? [];
  return {
    name,
    type,
    doc,
    columns: [first, ...more] as const,
    rolledUp: where === "everywhere",
    live: where !== "raw",
  };
}

const kinds = ["unknown", "opened", "closed", "denied_edge", "changed", "active", "idle"];

function endFields(end: "src" | "dst", who: string): Field[] {
  return [
    field(`${end}.ip`, address, `address of the ${who}: 10.0.0.1 or 10.0.0.0/8`, "raw and live"),
    field(
      `${end}.port`,
      number(65_535),
      `port of the ${who}`,
      end === "dst" ? "everywhere" : "raw and live",
    ),
    field(`${end}.namespace`, text, `namespace of the ${who}`, "everywhere"),
    field(`${end}.workload`, text, `top owner of the ${who}, such as its Deployment`, "everywhere"),
    field(`${end}.pod`, text, `pod of the ${who}`, "raw and live"),
    field(`${end}.name`, text, `DNS, node, service or host name of the ${who}`, "everywhere"),
    field(`${end}.kind`, text, `pod, service, node or host: what the ${who} is`, "raw"),
  ].map((one) => (one.name.endsWith(".kind") ? { ...one, rolledUp: true } : one));
}

function eitherEnd(name: string, type: FieldType, where: Where): Field {
  return field(name, type, `${name} of either end`, where, [`src_${name}`, `dst_${name}`]);
}

/** Every field, in the order in which they are offered. */
export const fields: readonly Field[] = [
  ...endFields("src", "initiator"),
  ...endFields("dst", "responder"),
  eitherEnd("namespace", text, "everywhere"),
  eitherEnd("workload", text, "everywhere"),
  eitherEnd("pod", text, "raw and live"),
  eitherEnd("name", text, "everywhere"),
  eitherEnd("ip", address, "raw and live"),
  field("port", number(65_535), "port of the responder", "everywhere", ["dst_port"]),
  field("protocol", { kind: "protocol" }, "TCP, UDP, ICMP, ICMPv6 ...", "everywhere"),
  field(
    "verdict",
    { kind: "enum", symbols: ["allowed", "denied", "unknown"] },
    "what the kernel decided",
    "everywhere",
  ),
  field("reason", text, "why: the policy and rule, or observed, not-isolated ...", "everywhere"),
  field("generation", uint32, "policy generation that decided", "everywhere"),
  field(
    "direction",
    { kind: "enum", symbols: ["egress", "ingress", "unknown"] },
    "egress: seen at the initiator; ingress: at the responder",
    "everywhere",
  ),
  field("node", text, "node of the observing interface", "raw and live"),
  field("time", time, "when it was recorded: 2026-03-01T12:00:00Z, or 15m ago", "raw and live"),
  field("start", time, "first packet of the connection", "raw"),
  field("last", time, "latest packet of the connection", "raw"),
  field("packets", anyCount, "packets from source to destination", "raw and live"),
  field("bytes", anyCount, "bytes from source to destination", "raw and live"),
  field("reply.packets", anyCount, "packets that came back", "raw and live"),
  field("reply.bytes", anyCount, "bytes that came back", "raw and live"),
  field("answered", boolean, "a reply was seen that is no refusal", "raw"),
  field("refused", boolean, "answered by RST or ICMP unreachable", "raw"),
  field("guessed", boolean, "no handshake was seen: who opened it is a guess", "raw"),
  field("kind", { kind: "enum", symbols: kinds }, "what made the record", "raw"),
  field("handshake.rtt", knownUint32, "round trip of the TCP handshake, microseconds", "raw", [
    "handshake_rtt_us",
  ]),
  field("srtt", knownUint32, "smoothed round trip, microseconds", "raw", ["srtt_us"]),
  field("first.byte", knownUint32, "first question to first answer, microseconds", "raw", [
    "first_byte_us",
  ]),
  field("retransmits", uint32, "segments sent again", "raw"),
  field("closed", { kind: "enum", symbols: closeReasons }, "why the connection is over", "raw", [
    "close_reason",
  ]),
  field("before.start", boolean, "TCP that was open before it was first seen", "raw"),
  field("pid", knownUint32, "id of the process at the observed end", "raw and live", [
    "process_pid",
  ]),
  field("process", text, "command of the process at the observed end", "raw and live", [
    "process_comm",
  ]),
  field("executable", text, "path of its program", "raw and live", ["process_executable"]),
  field("container", text, "id of its container", "raw and live", ["process_container"]),
  field("dns.name", text, "name that the initiator had asked for", "raw and live"),
  field("interface", uint32, "index of the interface", "raw", ["ifindex"]),
];

const byName = new Map(
  fields.flatMap((one) => [[one.name, one] as const, [one.name.replace(".", "_"), one] as const]),
);

/** `src.port`, or the column's name, `src_port`. */
export function fieldNamed(name: string): Field | undefined {
  return byName.get(name.toLowerCase());
}

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" | "in" | "not in";

/** Comparisons that make sense for a field. */
export function comparisonsOf(type: FieldType): readonly Comparison[] {
  const same: Comparison[] = ["=", "!=", "in", "not in"];
  switch (type.kind) {
    case "text":
      return [...same, "~", "!~"];
    case "number":
    case "time":
      return [...same, "<", "<=", ">", ">="];
    case "boolean":
      return ["=", "!="];
    default:
      return same;
  }
}
