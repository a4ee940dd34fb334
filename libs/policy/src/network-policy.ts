/**
 * NetworkPolicy v1 after defaulting, in a form where nothing can be mistaken: what is absent is
 * `null` or `"any"`, what is empty is an empty list, also after a round trip through JSON.
 */
import type { PortProtocol } from "./protocol.ts";
import type { LabelSelector, Labels, Selector } from "./selector.ts";
import type { Place } from "./problem.ts";

export type Side = "ingress" | "egress";

export interface Policy {
  namespace: string;
  name: string;
  /** Pods of its namespace that it isolates. */
  selector: Selector;
  /** null: does not isolate this side; []: isolates it and allows nothing. */
  ingress: Rule[] | null;
  egress: Rule[] | null;
  /** As it was written, for edits and for the text that is kept. */
  written: WrittenPolicy;
  /** One NetworkPolicy as YAML. */
  text: string;
  place: Place | null;
}

export interface Rule {
  /** "any": no peers were written. A list that is empty matches nobody. */
  peers: "any" | Peer[];
  /** "any": no ports were written, so every protocol. A list that is empty matches nothing. */
  ports: "any" | PortMatch[];
}

export type Peer = PodPeer | BlockPeer;

export interface PodPeer {
  kind: "pods";
  /** null: the policy's own namespace. */
  namespaces: Selector | null;
  pods: Selector;
}

export interface BlockPeer {
  kind: "block";
  cidr: string;
  except: string[];
}

export type PortMatch =
  | { kind: "every"; protocol: PortProtocol }
  /** Both ends belong to it. */
  | { kind: "range"; protocol: PortProtocol; first: number; last: number }
  /** Resolved on the destination pod. */
  | { kind: "named"; protocol: PortProtocol; name: string };

/** The object as the API has it, defaults not filled in. */
export interface WrittenPolicy {
  apiVersion: "networking.k8s.io/v1";
  kind: "NetworkPolicy";
  metadata: { name: string; namespace?: string; labels?: Labels; annotations?: Labels };
  spec: WrittenSpec;
}

export interface WrittenSpec {
  podSelector?: LabelSelector;
  policyTypes?: ("Ingress" | "Egress")[];
  ingress?: { from?: WrittenPeer[]; ports?: WrittenPort[] }[];
  egress?: { to?: WrittenPeer[]; ports?: WrittenPort[] }[];
}

export interface WrittenPeer {
  namespaceSelector?: LabelSelector;
  podSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface WrittenPort {
  protocol?: PortProtocol;
  port?: number | string;
  endPort?: number;
}

/** `namespace/name` */
export function policyKey(policy: { namespace: string; name: string }): string {
  return `${policy.namespace}/${policy.name}`;
}
