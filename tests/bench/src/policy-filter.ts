import { parseAddress } from "@weir/codec";
import { createPolicyWriter, odometerMapsOf, policyMapsOf } from "@weir/collector";
import type { CompiledPolicy } from "@weir/policy";
import { BpfObject, attachTcx } from "libbpf-ts";
import type { Link } from "libbpf-ts";

export const objectPath = new URL("../../../bpf/build/flow.bpf.o", import.meta.url).pathname;

const enforce = 2;

/** A workload's interface, as the lab's files name it. */
export interface FilterEndpoint {
  namespace: string;
  pod: string;
  ifindex: number;
  addresses: string[];
}

/** The programs with a policy of their own, to be put in place and taken away as often as one likes. */
export interface Filter extends Disposable {
  readonly object: BpfObject;
  attach(): void;
  detach(): void;
}

/** The real programs, maps and writer, as a collector puts them in place; `settings` of its switches. */
export async function loadFilter(
  compiled: CompiledPolicy,
  endpoints: FilterEndpoint[],
  nodeNetns: string | undefined,
  redirects: boolean,
  settings: Record<string, number> = {},
): Promise<Filter> {
  const object = BpfObject.open(objectPath, {
    settings,
    programs: { from_workload_l3: { autoload: false }, to_workload_l3: { autoload: false } },
    maps: { flows: { maxEntries: 65_536 }, events: { maxEntries: 1 << 20 } },
  }).load();
  const odometers = odometerMapsOf(object);
  const known = object.map("endpoints").typed<number, Record<string, number>>();
  for (const { ifindex, addresses } of endpoints) {
    known.set(ifindex, { mode_limit: enforce, inverted: 0, closed_until_known: 1, pad: 0 });
    odometers.open(ifindex);
    for (const address of addresses)
      object.map("local_addresses").update(parseAddress(address), u32(ifindex));
  }
  object.map("redirect").update(u32(0), u32(redirects ? 1 : 0));
  await writePolicy(object, compiled, endpoints);
  const links: Link[] = [];
  const where = nodeNetns === undefined ? {} : { netns: nodeNetns };
  const detach = (): void => {
    for (const link of links.splice(0)) {
      link.detach();
      link.close();
    }
  };
  return {
    object,
    attach() {
      for (const { ifindex } of endpoints) {
        const place = { ifindex, anchor: "first", ...where } as const;
        links.push(
          attachTcx(object.program("from_workload"), { ...place, direction: "ingress" }),
          attachTcx(object.program("to_workload"), { ...place, direction: "egress" }),
        );
      }
    },
    detach,
    [Symbol.dispose]() {
      detach();
      object.close();
    },
  };
}

async function writePolicy(
  object: BpfObject,
  compiled: CompiledPolicy,
  endpoints: FilterEndpoint[],
): Promise<void> {
  const { length: identities } = compiled.identities;
  const { length: rules } = compiled.entries;
  let trouble: unknown;
  const writer = createPolicyWriter({
    maps: policyMapsOf(object),
    room: { identities: identities + 8, rules: rules + 8, endpoint_policies: 64 },
    onTrouble: (error) => (trouble = error),
  });
  writer.expect(endpoints);
  const head = { generation: 1, revision: 1, mode: "enforce", created: 0 } as const;
  writer.replace({ ...compiled, ...head, documents: [] });
  await writer.settle();
  await writer.caughtUp();
  writer.close();
  if (trouble !== undefined) throw new Error("the policy could not be written", { cause: trouble });
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}
