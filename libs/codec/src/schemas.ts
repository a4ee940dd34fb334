import { readFileSync, readdirSync } from "node:fs";
import avro from "avsc";

/** Topics whose contract lies in schemas/events, by the name of their top record. */
export const topicOfRecord = {
  FlowBlock: "weir.flows.v1",
  Workload: "weir.workloads.v1",
  PolicySet: "weir.policies.v1",
  PolicyDelta: "weir.policies.v1",
  PolicySetIndex: "weir.policies.v1",
  PolicyChange: "weir.policy-documents.v1",
  NodeReport: "weir.nodes.v1",
  Suggestion: "weir.suggestions.v1",
  ControllerClaim: "weir.controllers.v1",
  Event: "weir.events.v1",
  DeadLetter: "weir.dead-letters.v1",
} as const;

export type RecordName = keyof typeof topicOfRecord;

export interface Schema {
  /** Full name of the top record. */
  name: string;
  /** Stands in the frame of every message. */
  id: number;
  type: avro.Type;
}

const directory = new URL("../../../schemas/events/", import.meta.url);

/**
 * The id of a schema: 31 bits of the MD5 of its parsing canonical form. It needs no registry, changes
 * with every change that readers could notice, not with a doc text, and stays positive where
 * an id is a signed 32-bit number.
 */
export function schemaId(type: avro.Type): number {
  return type.fingerprint("md5").readUInt32BE(0) & 0x7fffffff;
}

function load(file: string): Schema {
  const text = readFileSync(new URL(`${file}.avsc`, directory), "utf8");
  const type = avro.Type.forSchema(JSON.parse(text));
  return { name: type.name ?? file, id: schemaId(type), type };
}

/** Every contract of schemas/events, read once when this module is loaded. */
export const schemas: { readonly [name in RecordName]: Schema } = {
  FlowBlock: load(topicOfRecord.FlowBlock),
  Workload: load(topicOfRecord.Workload),
  PolicySet: load(topicOfRecord.PolicySet),
  PolicyDelta: load(`${topicOfRecord.PolicyDelta}.delta`),
  PolicySetIndex: load(`${topicOfRecord.PolicySetIndex}.index`),
  PolicyChange: load(topicOfRecord.PolicyChange),
  NodeReport: load(topicOfRecord.NodeReport),
  Suggestion: load(topicOfRecord.Suggestion),
  ControllerClaim: load(topicOfRecord.ControllerClaim),
  Event: load(topicOfRecord.Event),
  DeadLetter: load(topicOfRecord.DeadLetter),
};

/**
 * Every schema that messages were ever written with, those in force included, in canonical form:
 * RECORD.ID.avsc, the id in hex. Topics and spools outlast an upgrade of whoever reads them.
 */
export const writtenDirectory = new URL("written/", directory);

export const writtenFiles: ReadonlySet<string> = new Set(readdirSync(writtenDirectory));

export function readWritten(file: string): avro.Type {
  const text = readFileSync(new URL(file, writtenDirectory), "utf8");
  return avro.Type.forSchema(JSON.parse(text) as avro.Schema);
}
