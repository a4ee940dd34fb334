/** Does one rule allow everything that another one does? Seen from the texts alone, so never wrongly yes. */
import { contains, parsePrefix } from "./address.ts";
import { peerKey } from "./atom.ts";
import { namespaceNameLabel } from "./cluster.ts";
import type { BlockPeer, Peer, PodPeer, PortMatch, Rule } from "./network-policy.ts";
import type { Requirement, Selector } from "./selector.ts";

/** Whatever meets `narrow` meets `wide`. */
function implies(narrow: Requirement, wide: Requirement): boolean {
  if (narrow.key !== wide.key) return false;
  switch (wide.operator) {
    case "In":
      return narrow.operator === "In" && narrow.values.every((one) => wide.values.includes(one));
    case "Exists":
      return narrow.operator === "In" || narrow.operator === "Exists";
    case "NotIn":
      if (narrow.operator === "In") return !narrow.values.some((one) => wide.values.includes(one));
      return (
        narrow.operator === "DoesNotExist" ||
        (narrow.operator === "NotIn" && wide.values.every((one) => narrow.values.includes(one)))
      );
    default:
      return narrow.operator === "DoesNotExist";
  }
}

function coversSelector(wide: Selector, narrow: Selector): boolean {
  return wide.every((one) => narrow.some((other) => implies(other, one)));
}

function coversPods(wide: PodPeer, narrow: PodPeer, namespace: string): boolean {
  if (!coversSelector(wide.pods, narrow.pods)) return false;
  if (wide.namespaces === null && narrow.namespaces === null) return true;
  if (wide.namespaces === null) return false;
  // Without a selector the policy's own namespace is meant, which every namespace can be told by.
  const own: Selector = [{ key: namespaceNameLabel, operator: "In", values: [namespace] }];
  return coversSelector(wide.namespaces, narrow.namespaces ?? own);
}

function within(inner: string, outer: string): boolean {
  const [one, other] = [parsePrefix(inner), parsePrefix(outer)];
  return one !== undefined && other !== undefined && contains(other, one);
}

function coversBlock(wide: BlockPeer, narrow: BlockPeer): boolean {
  if (!within(narrow.cidr, wide.cidr)) return false;
  return wide.except.every(
    (hole) =>
      narrow.except.some((one) => within(hole, one)) ||
      !(within(hole, narrow.cidr) || within(narrow.cidr, hole)),
  );
}

function coversPeer(wide: Peer, narrow: Peer, namespace: string): boolean {
  if (peerKey(wide, namespace) === peerKey(narrow, namespace)) return true;
  if (wide.kind === "block") return narrow.kind === "block" && coversBlock(wide, narrow);
  return narrow.kind === "pods" && coversPods(wide, narrow, namespace);
}

function coversPort(wide: PortMatch, narrow: PortMatch): boolean {
  if (wide.protocol !== narrow.protocol) return false;
  if (wide.kind === "every") return true;
  if (wide.kind === "named" || narrow.kind === "named") {
    return wide.kind === "named" && narrow.kind === "named" && wide.name === narrow.name;
  }
  return narrow.kind === "range" && wide.first <= narrow.first && narrow.last <= wide.last;
}

/** Both of policies in `namespace`. */
export function coversRule(wide: Rule, narrow: Rule, namespace: string): boolean {
  const { peers, ports } = wide;
  const peer =
    peers === "any" ||
    (narrow.peers !== "any" &&
      narrow.peers.every((one) => peers.some((other) => coversPeer(other, one, namespace))));
  const port =
    ports === "any" ||
    (narrow.ports !== "any" &&
      narrow.ports.every((one) => ports.some((other) => coversPort(other, one))));
  return peer && port;
}
