import type avro from "avsc";
import type { RecordCodec } from "./contract.ts";
import { CodecError } from "./error.ts";
import type {
  ControllerClaim,
  DeadLetter,
  Event,
  FlowBlock,
  NodeReport,
  PolicyChange,
  PolicyDelta,
  PolicySet,
  PolicySetIndex,
  Suggestion,
  Workload,
} from "./events.ts";
import { frameBytes, readSchemaId, writeFrame } from "./frame.ts";
import type { RecordName, Schema } from "./schemas.ts";
import { schemas } from "./schemas.ts";
import { checkWellFormed } from "./well-formed.ts";
import { isEarlier, writerOf } from "./written.ts";

export interface Records {
  FlowBlock: FlowBlock;
  Workload: Workload;
  PolicySet: PolicySet;
  PolicyDelta: PolicyDelta;
  PolicySetIndex: PolicySetIndex;
  PolicyChange: PolicyChange;
  NodeReport: NodeReport;
  Suggestion: Suggestion;
  ControllerClaim: ControllerClaim;
  Event: Event;
  DeadLetter: DeadLetter;
}

/**
 * The codec of one contract of schemas/events, one Avro record per message.
 *
 * `encode` throws CodecError that names the first field that does not fit; `decode` throws
 * CodecError with the offset for anything that is not exactly one well-formed record in a frame,
 * before it allocates for what the bytes claim. What was written with an earlier schema becomes a
 * record of the one in force.
 */
export function recordCodec<Name extends RecordName>(name: Name): RecordCodec<Records[Name]> {
  const schema = schemas[name];
  return {
    schemaId: schema.id,
    encode: (record) => encode(schema, record),
    decode: (message) => decode(schema, message) as Records[Name],
    reads: (message) =>
      isEarlier(schema, message) ||
      (message.length >= frameBytes && readSchemaId(message) === schema.id),
  };
}

function encode(schema: Schema, record: unknown): Uint8Array {
  const { type } = schema;
  const plain = asAvsc(record);
  const wrong = firstMisfit(type, plain);
  if (wrong !== undefined) throw new CodecError(schema.name, -1, wrong);
  const body = type.toBuffer(plain);
  const message = new Uint8Array(frameBytes + body.length);
  writeFrame(message, schema.id);
  message.set(body, frameBytes);
  return message;
}

function decode(schema: Schema, message: Uint8Array): unknown {
  const { type, resolver } = writerOf(schema, message);
  checkWellFormed(schema.name, type, message, frameBytes);
  const body = Buffer.from(
    message.buffer,
    message.byteOffset + frameBytes,
    message.length - frameBytes,
  );
  try {
    return schema.type.fromBuffer(body, resolver);
  } catch (error) {
    throw new CodecError(schema.name, frameBytes, (error as Error).message, { cause: error });
  }
}

function firstMisfit(type: avro.Type, record: unknown): string | undefined {
  let misfit: string | undefined;
  type.isValid(record, {
    errorHook: (path, value, expected) => {
      const field = path.length === 0 ? "record" : path.join(".");
      misfit ??=
        `${field} is ${describe(value)}, not ${expected.typeName} ${expected.name ?? ""}`.trimEnd();
    },
  });
  return misfit;
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/**
 * avsc takes bytes only as Buffer, and writes half a surrogate pair as bytes that are no UTF-8.
 * Bytes are not copied.
 */
function asAvsc(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (Array.isArray(value)) return value.map(asAvsc);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asAvsc(inner)]));
}

export const workloadCodec: RecordCodec<Workload> = recordCodec("Workload");
export const policySetCodec: RecordCodec<PolicySet> = recordCodec("PolicySet");
export const policyDeltaCodec: RecordCodec<PolicyDelta> = recordCodec("PolicyDelta");
export const policySetIndexCodec: RecordCodec<PolicySetIndex> = recordCodec("PolicySetIndex");
export const policyChangeCodec: RecordCodec<PolicyChange> = recordCodec("PolicyChange");
export const nodeReportCodec: RecordCodec<NodeReport> = recordCodec("NodeReport");
export const suggestionCodec: RecordCodec<Suggestion> = recordCodec("Suggestion");
export const controllerClaimCodec: RecordCodec<ControllerClaim> = recordCodec("ControllerClaim");
export const eventCodec: RecordCodec<Event> = recordCodec("Event");
export const deadLetterCodec: RecordCodec<DeadLetter> = recordCodec("DeadLetter");
