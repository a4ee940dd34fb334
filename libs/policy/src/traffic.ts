import { familyOf, parseAddress } from "./address.ts";
import type { AddressBook, ClusterPod } from "./cluster.ts";
import type { Protocol } from "./protocol.ts";

/** One end of a connection: a pod of the cluster, or an address whoever has it. */
export type Party = { pod: ClusterPod } | { address: string };

/** May `from` open a connection to `to`? Replies belong to the connection and are not asked for. */
export interface Question {
  from: Party;
  to: Party;
  /** Destination port; 0 for ICMP. */
  port: number;
  protocol: Protocol;
  /** Which addresses of dual-stack pods are used. Default: the family of `to`'s first address. */
  family?: 4 | 6;
}

/** A party after its address has been looked up. */
export interface End {
  /** Undefined for what lies outside the cluster, for nodes and for host-network pods. */
  pod: ClusterPod | undefined;
  /** Undefined where a pod has no address of the family. */
  address: bigint | undefined;
  /** Name of the node whose own address it is; a host-network pod counts as its node. */
  node: string | undefined;
}

export interface Ends {
  from: End;
  to: End;
}

function firstFamily(party: Party): 4 | 6 | undefined {
  const text = "pod" in party ? party.pod.addresses[0] : party.address;
  const address = text === undefined ? undefined : parseAddress(text);
  return address === undefined ? undefined : familyOf(address);
}

function endOf(party: Party, family: 4 | 6 | undefined, book: AddressBook): End {
  if ("address" in party) {
    const address = parseAddress(party.address);
    if (address === undefined)
      throw new RangeError(`${JSON.stringify(party.address)} is no address`);
    return { pod: book.pods.get(address), address, node: book.nodes.get(address) };
  }
  const addresses = party.pod.addresses
    .map((text) => parseAddress(text))
    .filter((one) => one !== undefined);
  const address = addresses.find((one) => familyOf(one) === family);
  if (party.pod.hostNetwork) return { pod: undefined, address, node: party.pod.node };
  return { pod: party.pod, address, node: undefined };
}

/** Who the two ends are. Throws RangeError for a text that is no address. */
export function endsOf(question: Question, book: AddressBook): Ends {
  const family = question.family ?? firstFamily(question.to) ?? firstFamily(question.from);
  return { from: endOf(question.from, family, book), to: endOf(question.to, family, book) };
}
