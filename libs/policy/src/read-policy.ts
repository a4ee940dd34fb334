import { contains, parsePrefix } from "./address.ts";
import type { Examiner, Fields } from "./examiner.ts";
import {
  refuseDnsLabel,
  refuseDnsSubdomain,
  refuseLabelKey,
  refuseLabelValue,
  refusePortName,
} from "./label-syntax.ts";
import type {
  BlockPeer,
  Peer,
  Policy,
  PortMatch,
  Rule,
  Side,
  WrittenPolicy,
} from "./network-policy.ts";
import type { Path, Place } from "./problem.ts";
import { quote } from "./problem.ts";
import type { PortProtocol } from "./protocol.ts";
import { portProtocols } from "./protocol.ts";
import type { Operator, Requirement, Selector } from "./selector.ts";
import { operators } from "./selector.ts";
import { didYouMean } from "./spelling.ts";

const metadataFields = [
  "name",
  "namespace",
  "labels",
  "annotations",
  "generateName",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "ownerReferences",
  "finalizers",
  "selfLink",
  "managedFields",
];

const lastPort = 65_535;

function readRequirement(examiner: Examiner, value: unknown, path: Path): Requirement | undefined {
  const fields = examiner.fields(value, path, ["key", "operator", "values"]);
  if (fields === undefined) {
    // Left out it would make the selector wider.
    if (value === null || value === undefined)
      examiner.refuse(path, "is empty: write key, operator and values, or remove the item");
    return undefined;
  }
  const key = examiner.text(fields["key"], [...path, "key"]);
  const operator = examiner.text(fields["operator"], [...path, "operator"]);
  const list = examiner.list(fields["values"], [...path, "values"]) ?? [];
  const values = list.map((one, index) => {
    const text = examiner.text(one, [...path, "values", index]) ?? "";
    const wrong = refuseLabelValue(text);
    if (wrong !== undefined)
      examiner.refuse([...path, "values", index], `${quote(text)} is no label value: ${wrong}`);
    return text;
  });
  if (key === undefined) examiner.refuse([...path, "key"], "is missing: name the label to look at");
  else {
    const wrong = refuseLabelKey(key);
    if (wrong !== undefined)
      examiner.refuse([...path, "key"], `${quote(key)} is no label key: ${wrong}`);
  }
  if (operator === undefined || !operators.includes(operator as Operator)) {
    const meant = didYouMean(operator ?? "", operators);
    const todo =
      meant === undefined ? `use one of ${operators.join(", ")}` : `did you mean ${meant}?`;
    examiner.refuse(
      [...path, "operator"],
      `${operator === undefined ? "is missing" : `${quote(operator)} is no operator`}: ${todo}`,
    );
    return undefined;
  }
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && values.length === 0) {
    examiner.refuse([...path, "values"], `${operator} needs at least one value`);
  }
  if (!takesValues && values.length > 0) {
    examiner.refuse([...path, "values"], `${operator} takes no values: remove them`);
  }
  return { key: key ?? "", operator: operator as Operator, values };
}

/** Undefined where it is absent: an empty selector is something else. */
export function readSelector(examiner: Examiner, value: unknown, path: Path): Selector | undefined {
  const fields = examiner.fields(value, path, ["matchLabels", "matchExpressions"]);
  if (fields === undefined) return undefined;
  const labels = examiner.texts(
    fields["matchLabels"],
    [...path, "matchLabels"],
    refuseLabelKey,
    refuseLabelValue,
  );
  const expressions =
    examiner.list(fields["matchExpressions"], [...path, "matchExpressions"]) ?? [];
  const fromLabels = Object.entries(labels ?? {}).map(([key, one]): Requirement => ({
    key,
    operator: "In",
    values: [one],
  }));
  const fromExpressions = expressions.map((one, index) =>
    readRequirement(examiner, one, [...path, "matchExpressions", index]),
  );
  return [...fromLabels, ...fromExpressions.filter((one) => one !== undefined)];
}

function readBlock(examiner: Examiner, fields: Fields, path: Path): BlockPeer {
  const cidr = examiner.text(fields["cidr"], [...path, "cidr"]);
  const outer = cidr === undefined ? undefined : parsePrefix(cidr);
  if (outer === undefined) {
    const what = cidr === undefined ? "is missing" : `${quote(cidr)} is no block of addresses`;
    examiner.refuse([...path, "cidr"], `${what}: write it as 10.0.0.0/8 or fd00::/8`);
  }
  const list = examiner.list(fields["except"], [...path, "except"]) ?? [];
  const except = list.map((one, index) => {
    const here = [...path, "except", index];
    const text = examiner.text(one, here) ?? "";
    const inner = parsePrefix(text);
    if (inner === undefined) {
      examiner.refuse(
        here,
        `${quote(text)} is no block of addresses: write it as 10.1.0.0/16 or fd00:1::/32`,
      );
    } else if (outer !== undefined && !(contains(outer, inner) && inner.length > outer.length)) {
      examiner.refuse(
        here,
        `${text} is no part of ${cidr}: an except must be a smaller block inside the cidr`,
      );
    }
    return text;
  });
  return { kind: "block", cidr: cidr ?? "", except };
}

function readPeer(examiner: Examiner, value: unknown, path: Path): Peer | undefined {
  const fields = examiner.fields(value, path, ["podSelector", "namespaceSelector", "ipBlock"]);
  const pods = readSelector(examiner, fields?.["podSelector"], [...path, "podSelector"]);
  const namespaces = readSelector(examiner, fields?.["namespaceSelector"], [
    ...path,
    "namespaceSelector",
  ]);
  const block = examiner.fields(fields?.["ipBlock"], [...path, "ipBlock"], ["cidr", "except"]);
  if (block !== undefined) {
    if (pods !== undefined || namespaces !== undefined) {
      examiner.refuse(
        [...path, "ipBlock"],
        "stands alone: move the selectors to a peer of their own",
      );
    }
    return readBlock(examiner, block, [...path, "ipBlock"]);
  }
  if (pods === undefined && namespaces === undefined) {
    const todo =
      "write podSelector, namespaceSelector or ipBlock; {} as a podSelector means every pod";
    examiner.refuse(path, `is an empty peer: ${todo}`);
    return undefined;
  }
  return { kind: "pods", namespaces: namespaces ?? null, pods: pods ?? [] };
}

/** The API server would take an item without anything for {}, which is everything: a slip too wide. */
function refuseNothing(examiner: Examiner, value: unknown, path: Path): void {
  if (value === null || value === undefined)
    examiner.refuse(path, "is empty: write {} if everything is meant, or remove the item");
}

function checkPortNumber(examiner: Examiner, port: number, path: Path): void {
  if (port < 1 || port > lastPort)
    examiner.refuse(path, `${port} is no port: use 1 to ${lastPort}`);
}

function readPort(examiner: Examiner, value: unknown, path: Path): PortMatch | undefined {
  refuseNothing(examiner, value, path);
  const fields = examiner.fields(value, path, ["protocol", "port", "endPort"]) ?? {};
  const protocol = examiner.text(fields["protocol"], [...path, "protocol"]) ?? "TCP";
  if (!portProtocols.includes(protocol as PortProtocol)) {
    const meant = didYouMean(protocol, portProtocols);
    const todo = meant === undefined ? `use ${portProtocols.join(", ")}` : `did you mean ${meant}?`;
    examiner.refuse(
      [...path, "protocol"],
      `${quote(protocol)} is no protocol of a NetworkPolicy: ${todo}`,
    );
  }
  const known = protocol as PortProtocol;
  const port = fields["port"] ?? undefined;
  const last = examiner.integer(fields["endPort"], [...path, "endPort"]);
  if (port === undefined) {
    if (last !== undefined)
      examiner.refuse([...path, "endPort"], "needs a port to begin with: add port");
    return { kind: "every", protocol: known };
  }
  if (typeof port === "string") {
    const wrong = refusePortName(port);
    if (wrong !== undefined)
      examiner.refuse([...path, "port"], `${quote(port)} is no port name: ${wrong}`);
    if (last !== undefined) {
      examiner.refuse(
        [...path, "endPort"],
        "goes with a numeric port only: give port a number or drop endPort",
      );
    }
    return { kind: "named", protocol: known, name: port };
  }
  const first = examiner.integer(port, [...path, "port"]);
  if (first === undefined) return undefined;
  checkPortNumber(examiner, first, [...path, "port"]);
  if (last !== undefined) {
    checkPortNumber(examiner, last, [...path, "endPort"]);
    if (last < first)
      examiner.refuse([...path, "endPort"], `${last} lies below port ${first}: swap them`);
  }
  return { kind: "range", protocol: known, first, last: last ?? first };
}

/** A list that was written empty means what an absent one means; only a resolved one may be []. */
function anyOr<T>(
  list: unknown[] | undefined,
  read: (one: unknown, index: number) => T | undefined,
): "any" | T[] {
  if (list === undefined || list.length === 0) return "any";
  return list.map(read).filter((one) => one !== undefined);
}

function readRules(examiner: Examiner, value: unknown, side: Side): Rule[] {
  const path = ["spec", side];
  const peers = side === "ingress" ? "from" : "to";
  const list = examiner.list(value, path) ?? [];
  return list.map((one, index) => {
    const here = [...path, index];
    refuseNothing(examiner, one, here);
    const fields = examiner.fields(one, here, [peers, "ports"]) ?? {};
    const read = {
      peers: examiner.list(fields[peers], [...here, peers]),
      ports: examiner.list(fields["ports"], [...here, "ports"]),
    };
    return {
      peers: anyOr(read.peers, (peer, at) => readPeer(examiner, peer, [...here, peers, at])),
      ports: anyOr(read.ports, (port, at) => readPort(examiner, port, [...here, "ports", at])),
    };
  });
}

function readTypes(examiner: Examiner, value: unknown, egress: Rule[]): Set<string> {
  const list = examiner.list(value, ["spec", "policyTypes"]) ?? [];
  if (list.length > 2)
    examiner.refuse(["spec", "policyTypes"], "has at most two entries: Ingress and Egress");
  for (const [index, one] of list.entries()) {
    if (one === "Ingress" || one === "Egress") continue;
    const meant = didYouMean(String(one), ["Ingress", "Egress"]);
    const todo = meant === undefined ? "use Ingress or Egress" : `did you mean ${meant}?`;
    examiner.refuse(["spec", "policyTypes", index], `${quote(one)} is no policy type: ${todo}`);
  }
  if (list.length > 0) return new Set(list.map(String));
  // The API server's default: Egress only where egress rules are written.
  return new Set(egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"]);
}

function checkName(examiner: Examiner, name: string | undefined): void {
  const wrong =
    name === undefined || name === ""
      ? "is missing: give the policy a name"
      : refuseDnsSubdomain(name);
  if (wrong === undefined) return;
  const missing = name === undefined || name === "";
  examiner.refuse(["metadata", "name"], missing ? wrong : `${quote(name)} is no name: ${wrong}`);
}

/** metadata of any object, strictly. An absent namespace is `default`. */
function readMetadata(examiner: Examiner, value: unknown): { namespace: string; name: string } {
  const fields = examiner.fields(value, ["metadata"], metadataFields) ?? {};
  const name = examiner.text(fields["name"], ["metadata", "name"]);
  const namespace = examiner.text(fields["namespace"], ["metadata", "namespace"]);
  checkName(examiner, name);
  const wrong = namespace === undefined || namespace === "" ? undefined : refuseDnsLabel(namespace);
  if (wrong !== undefined)
    examiner.refuse(["metadata", "namespace"], `${quote(namespace)} is no namespace: ${wrong}`);
  examiner.texts(fields["labels"], ["metadata", "labels"], refuseLabelKey, refuseLabelValue);
  examiner.texts(fields["annotations"], ["metadata", "annotations"], (key) =>
    refuseLabelKey(key.toLowerCase()),
  );
  return { namespace: namespace || "default", name: name ?? "" };
}

/**
 * Reads one networking.k8s.io/v1 NetworkPolicy as the API server would: the same refusals, the same
 * defaults. Undefined when the examiner found an error.
 */
export function readPolicy(
  examiner: Examiner,
  value: unknown,
  text: string,
  place: Place | null,
): Policy | undefined {
  const before = examiner.problems.length;
  const fields =
    examiner.fields(value, [], ["apiVersion", "kind", "metadata", "spec", "status"]) ?? {};
  const { namespace, name } = readMetadata(examiner, fields["metadata"]);
  const known = ["podSelector", "policyTypes", "ingress", "egress"];
  const spec = examiner.fields(fields["spec"], ["spec"], known) ?? {};
  const selector = readSelector(examiner, spec["podSelector"], ["spec", "podSelector"]);
  const ingress = readRules(examiner, spec["ingress"], "ingress");
  const egress = readRules(examiner, spec["egress"], "egress");
  const types = readTypes(examiner, spec["policyTypes"], egress);
  if (examiner.problems.slice(before).some((problem) => problem.severity === "error"))
    return undefined;
  return {
    namespace,
    name,
    selector: selector ?? [],
    ingress: types.has("Ingress") ? ingress : null,
    egress: types.has("Egress") ? egress : null,
    written: value as WrittenPolicy,
    text,
    place,
  };
}
