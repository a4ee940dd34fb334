import { createHash } from "node:crypto";
import type { Btf } from "libbpf-ts";

/** Every struct that lies in a pinned map: user space and another program's version must agree. */
const pinnedStructs = [
  "budget",
  "flow_key",
  "flow",
  "flow_use",
  "fragment_key",
  "fragment",
  "odometer_slot",
  "socket_owner",
  "weir_answer",
  "weir_endpoint",
  "weir_endpoint_policy",
  "weir_flow_record",
  "weir_identity_key",
  "weir_odometer",
  "weir_policy_epoch",
  "weir_policy_state",
  "weir_process",
  "weir_redirect",
  "weir_rule",
  "weir_rule_key",
  "weir_settings",
];

/**
 * A short name for the layout of everything that outlives a collector. Programs whose maps have
 * another layout do not take each other's over.
 */
export function layoutIdOf(btf: Btf): string {
  const digest = createHash("sha256");
  digest.update(`abi ${btf.enum("weir_abi").values.get("WEIR_ABI_VERSION")}\n`);
  for (const name of pinnedStructs) {
    const { size, fields } = btf.struct(name);
    digest.update(`${name} ${size}\n`);
    for (const field of fields) digest.update(`${field.name} ${field.offset} ${field.size}\n`);
  }
  return digest.digest("hex").slice(0, 12);
}
