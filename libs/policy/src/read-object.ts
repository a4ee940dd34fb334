import { parseAddress } from "./address.ts";
import type { Examiner, Fields } from "./examiner.ts";
import {
  refuseDnsLabel,
  refuseDnsSubdomain,
  refuseLabelKey,
  refuseLabelValue,
} from "./label-syntax.ts";
import type {
  Container,
  ContainerPort,
  ManifestNamespace,
  ManifestNode,
  ManifestPod,
  ManifestService,
  ManifestWorkload,
  PodTemplate,
  WorkloadKind,
} from "./manifest-objects.ts";
import { readTopOwner } from "./owner.ts";
import type { Path, Place } from "./problem.ts";
import { quote } from "./problem.ts";
import type { PortProtocol } from "./protocol.ts";
import { portProtocols } from "./protocol.ts";
import { readSelector } from "./read-policy.ts";
import type { Labels } from "./selector.ts";
import { selects } from "./selector.ts";

const lastPort = 65_535;

/** More replicas than this in one manifest are a mistake or an attack. */
const maxReplicas = 100_000;

interface Metadata {
  namespace: string;
  name: string;
  uid: string;
  labels: Labels;
}

function readLabels(examiner: Examiner, value: unknown, path: Path): Labels {
  return examiner.texts(value, path, refuseLabelKey, refuseLabelValue) ?? {};
}

function readMetadata(
  examiner: Examiner,
  object: Fields,
  refuseName = refuseDnsSubdomain,
): Metadata {
  const fields = examiner.fields(object["metadata"], ["metadata"]) ?? {};
  const name = examiner.text(fields["name"], ["metadata", "name"]) ?? "";
  const namespace = examiner.text(fields["namespace"], ["metadata", "namespace"]) || "default";
  const wrong = name === "" ? "is missing: give the object a name" : refuseName(name);
  if (wrong !== undefined) {
    examiner.refuse(
      ["metadata", "name"],
      name === "" ? wrong : `${quote(name)} is no name: ${wrong}`,
    );
  }
  const wrongNamespace = refuseDnsLabel(namespace);
  if (wrongNamespace !== undefined) {
    examiner.refuse(
      ["metadata", "namespace"],
      `${quote(namespace)} is no namespace: ${wrongNamespace}`,
    );
  }
  const uid = examiner.text(fields["uid"], ["metadata", "uid"]) ?? "";
  return {
    namespace,
    name,
    uid,
    labels: readLabels(examiner, fields["labels"], ["metadata", "labels"]),
  };
}

function readProtocol(examiner: Examiner, value: unknown, path: Path): PortProtocol {
  const text = examiner.text(value, path) ?? "TCP";
  if (portProtocols.includes(text as PortProtocol)) return text as PortProtocol;
  examiner.refuse(path, `${quote(text)} is no protocol of a port: use ${portProtocols.join(", ")}`);
  return "TCP";
}

function readPortNumber(examiner: Examiner, value: unknown, path: Path): number {
  const port = examiner.integer(value, path);
  if (port !== undefined && port >= 1 && port <= lastPort) return port;
  examiner.refuse(
    path,
    `${port === undefined ? "is missing or" : port} no port: use 1 to ${lastPort}`,
  );
  return 0;
}

function readContainerPort(examiner: Examiner, value: unknown, path: Path): ContainerPort {
  const fields = examiner.fields(value, path) ?? {};
  return {
    name: examiner.text(fields["name"], [...path, "name"]) ?? "",
    port: readPortNumber(examiner, fields["containerPort"], [...path, "containerPort"]),
    protocol: readProtocol(examiner, fields["protocol"], [...path, "protocol"]),
  };
}

function readTextList(examiner: Examiner, value: unknown, path: Path): string[] {
  const list = examiner.list(value, path) ?? [];
  return list.map((one, index) => examiner.text(one, [...path, index]) ?? "");
}

function readContainer(examiner: Examiner, value: unknown, path: Path): Container {
  const fields = examiner.fields(value, path) ?? {};
  const env = examiner.list(fields["env"], [...path, "env"]) ?? [];
  const ports = examiner.list(fields["ports"], [...path, "ports"]) ?? [];
  return {
    name: examiner.text(fields["name"], [...path, "name"]) ?? "",
    image: examiner.text(fields["image"], [...path, "image"]) ?? "",
    command: readTextList(examiner, fields["command"], [...path, "command"]),
    args: readTextList(examiner, fields["args"], [...path, "args"]),
    env: env.flatMap((one, index) => {
      const here = [...path, "env", index];
      const variable = examiner.fields(one, here) ?? {};
      const name = examiner.text(variable["name"], [...here, "name"]);
      const text = examiner.text(variable["value"], [...here, "value"]);
      return name === undefined || text === undefined ? [] : [{ name, value: text }];
    }),
    ports: ports.map((one, index) => readContainerPort(examiner, one, [...path, "ports", index])),
  };
}

function readPodSpec(examiner: Examiner, value: unknown, path: Path, labels: Labels): PodTemplate {
  const spec = examiner.fields(value, path) ?? {};
  // Sidecars that are init containers with restartPolicy Always listen as long as the pod lives.
  const initial = (examiner.list(spec["initContainers"], [...path, "initContainers"]) ?? [])
    .map((one, index) => ({ one, index }))
    .filter(({ one }) => (one as Fields | null)?.["restartPolicy"] === "Always");
  const containers = examiner.list(spec["containers"], [...path, "containers"]) ?? [];
  return {
    labels,
    containers: [
      ...initial.map(({ one, index }) =>
        readContainer(examiner, one, [...path, "initContainers", index]),
      ),
      ...containers.map((one, index) =>
        readContainer(examiner, one, [...path, "containers", index]),
      ),
    ],
    hostNetwork: spec["hostNetwork"] === true,
    node: examiner.text(spec["nodeName"], [...path, "nodeName"]) ?? "",
  };
}

function readAddress(examiner: Examiner, value: unknown, path: Path): string[] {
  const text = examiner.text(value, path);
  if (text === undefined || text === "") return [];
  if (parseAddress(text) !== undefined) return [text];
  examiner.refuse(path, `${quote(text)} is no address: write it as 10.0.0.1 or fd00::1`);
  return [];
}

export function readPod(examiner: Examiner, object: Fields, place: Place): ManifestPod {
  const metadata = readMetadata(examiner, object);
  const { ownerReferences } = (object["metadata"] ?? {}) as Fields;
  const status = examiner.fields(object["status"], ["status"]) ?? {};
  const list = examiner.list(status["podIPs"], ["status", "podIPs"]) ?? [];
  const addresses = [
    ...readAddress(examiner, status["podIP"], ["status", "podIP"]),
    ...list.flatMap((one, index) => {
      const fields = examiner.fields(one, ["status", "podIPs", index]) ?? {};
      return readAddress(examiner, fields["ip"], ["status", "podIPs", index, "ip"]);
    }),
  ];
  return {
    ...readPodSpec(examiner, object["spec"], ["spec"], metadata.labels),
    ...metadata,
    addresses: [...new Set(addresses)],
    ...readTopOwner(examiner, ownerReferences, metadata),
    place,
  };
}

function readReplicas(examiner: Examiner, kind: WorkloadKind, spec: Fields): number | undefined {
  if (kind === "DaemonSet") return undefined;
  const field = kind === "Job" ? "parallelism" : "replicas";
  const replicas = examiner.integer(spec[field], ["spec", field]) ?? 1;
  if (replicas >= 0 && replicas <= maxReplicas) return replicas;
  examiner.refuse(["spec", field], `${replicas} is no number of pods: use 0 to ${maxReplicas}`);
  return 0;
}

export function readWorkload(
  examiner: Examiner,
  kind: WorkloadKind,
  object: Fields,
  place: Place,
): ManifestWorkload {
  const metadata = readMetadata(examiner, object);
  const spec = examiner.fields(object["spec"], ["spec"]) ?? {};
  const path = ["spec", "template"];
  const template = examiner.fields(spec["template"], path);
  if (template === undefined) examiner.refuse(path, "is missing: describe the pods it makes");
  const templateMetadata = examiner.fields(template?.["metadata"], [...path, "metadata"]) ?? {};
  const labels = readLabels(examiner, templateMetadata["labels"], [...path, "metadata", "labels"]);
  const selector = readSelector(examiner, spec["selector"], ["spec", "selector"]);
  if (selector === undefined && kind !== "Job") {
    examiner.refuse(
      ["spec", "selector"],
      "is missing: select the labels of spec.template.metadata.labels",
    );
  } else if (selector !== undefined && !selects(selector, labels)) {
    examiner.refuse(
      ["spec", "selector"],
      "does not match spec.template.metadata.labels: make them agree",
    );
  }
  return {
    kind,
    ...metadata,
    replicas: readReplicas(examiner, kind, spec),
    selector: selector ?? [],
    template: readPodSpec(examiner, template?.["spec"], [...path, "spec"], labels),
    place,
  };
}

export function readNamespace(examiner: Examiner, object: Fields, place: Place): ManifestNamespace {
  const { name, labels } = readMetadata(examiner, object, refuseDnsLabel);
  return { name, labels, place };
}

export function readService(examiner: Examiner, object: Fields, place: Place): ManifestService {
  const metadata = readMetadata(examiner, object);
  const spec = examiner.fields(object["spec"], ["spec"]) ?? {};
  const ports = examiner.list(spec["ports"], ["spec", "ports"]) ?? [];
  const addresses = readTextList(examiner, spec["clusterIPs"], ["spec", "clusterIPs"]);
  const first = examiner.text(spec["clusterIP"], ["spec", "clusterIP"]) ?? "";
  return {
    ...metadata,
    selector: examiner.texts(spec["selector"], ["spec", "selector"]) ?? null,
    type: examiner.text(spec["type"], ["spec", "type"]) ?? "ClusterIP",
    clusterIPs: [...new Set([first, ...addresses])].filter((one) => one !== ""),
    externalName: examiner.text(spec["externalName"], ["spec", "externalName"]) ?? "",
    ports: ports.map((one, index) => {
      const path = ["spec", "ports", index];
      const fields = examiner.fields(one, path) ?? {};
      const port = readPortNumber(examiner, fields["port"], [...path, "port"]);
      const target = fields["targetPort"];
      return {
        name: examiner.text(fields["name"], [...path, "name"]) ?? "",
        port,
        targetPort: typeof target === "string" || typeof target === "number" ? target : port,
        protocol: readProtocol(examiner, fields["protocol"], [...path, "protocol"]),
      };
    }),
    place,
  };
}

export function readNode(examiner: Examiner, object: Fields, place: Place): ManifestNode {
  const { name, uid, labels } = readMetadata(examiner, object);
  const status = examiner.fields(object["status"], ["status"]) ?? {};
  const list = examiner.list(status["addresses"], ["status", "addresses"]) ?? [];
  const addresses = list.flatMap((one, index) => {
    const path = ["status", "addresses", index];
    const fields = examiner.fields(one, path) ?? {};
    const isName = fields["type"] === "Hostname" || String(fields["type"]).endsWith("DNS");
    return isName ? [] : readAddress(examiner, fields["address"], [...path, "address"]);
  });
  return { name, uid, labels, addresses, place };
}
