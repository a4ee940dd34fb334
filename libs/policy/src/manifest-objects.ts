/** The objects of Kubernetes manifests that weir knows, cut down to what it reads of them. */
import type { PortProtocol } from "./protocol.ts";
import type { Place } from "./problem.ts";
import type { Labels, Selector } from "./selector.ts";

export interface ContainerPort {
  /** Empty where it has none. */
  name: string;
  port: number;
  protocol: PortProtocol;
}

export interface Container {
  name: string;
  image: string;
  command: string[];
  args: string[];
  /** Literal values only: what refers to other objects is left out. */
  env: { name: string; value: string }[];
  ports: ContainerPort[];
}

export interface PodTemplate {
  labels: Labels;
  containers: Container[];
  hostNetwork: boolean;
  /** Node that the manifest asks for; empty: any. */
  node: string;
}

export interface ManifestPod extends PodTemplate {
  namespace: string;
  name: string;
  uid: string;
  /** From status.podIPs and status.podIP; empty where the manifest gives none. */
  addresses: string[];
  /** The top owner, or the pod itself. */
  workload: string;
  workloadKind: string;
  place: Place | null;
}

export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job";

export interface ManifestWorkload {
  kind: WorkloadKind;
  namespace: string;
  name: string;
  uid: string;
  labels: Labels;
  /** Undefined for a DaemonSet, which has one per node. */
  replicas: number | undefined;
  selector: Selector;
  template: PodTemplate;
  place: Place | null;
}

export interface ManifestNamespace {
  name: string;
  labels: Labels;
  place: Place | null;
}

export interface ManifestService {
  namespace: string;
  name: string;
  uid: string;
  labels: Labels;
  /** null: no selector, endpoints are somebody else's matter. */
  selector: Labels | null;
  type: string;
  /** "None" marks a headless service. */
  clusterIPs: string[];
  externalName: string;
  ports: { name: string; port: number; targetPort: number | string; protocol: PortProtocol }[];
  place: Place | null;
}

export interface ManifestNode {
  name: string;
  uid: string;
  labels: Labels;
  addresses: string[];
  place: Place | null;
}
