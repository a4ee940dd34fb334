import type avro from "avsc";
import { flowLayout } from "./flow-layout.ts";
import { schemas } from "./schemas.ts";
import { planFields } from "./transcoder/plan.ts";
import type { FieldMapping } from "./transcoder/plan.ts";

/** Where a flow of the topic is not simply what the kernel's record has. */
const flowMapping: Partial<Record<keyof typeof flowLayout, FieldMapping>> = {
  time: { kind: "clock", sinceRowBefore: true },
  last: { kind: "clock", before: "time" },
  first: { kind: "clock", before: "last" },
  sequence: { kind: "running", per: "cpu" },
  src_addr: { kind: "listed" },
  dst_addr: { kind: "listed" },
  process: { kind: "index" },
};

const flows = (schemas.FlowBlock.type as avro.types.RecordType).field("flows").type;
const flow = (flows as avro.types.ArrayType).itemsType as avro.types.RecordType;

/** What both generated transcoders of flows do, field by field. */
export const flowPlans = planFields(flowLayout, flow, flowMapping);
