/**
 * What a lab says about itself: `<run>/labs/<name>.json`, written by rename before anything of the
 * lab is made and again at every change of its pods, so that a reader can always turn it into
 * workloads and a later `down` always knows what there is to remove.
 */

export interface LabFile {
  lab: string;
  /** `starting` until every pod listens; a lab found there without a living `up` is debris. */
  phase: "starting" | "running" | "stopping";
  /** RFC 3339. */
  started: string;
  /** Absolute paths, as given to `up`. */
  manifests: string[];
  /** Hash of what the manifests and options asked for: the same `up` again changes nothing. */
  fingerprint: string;
  /** Which of the labs' address blocks this one uses: 10.(64+block).0.0/16, fd77:0:block::/48. */
  block: number;
  nodes: LabNode[];
  namespaces: LabNamespace[];
  pods: LabPod[];
  services: LabService[];
  /** Names outside the cluster, answered by the lab's DNS and served by its `internet`. */
  external: LabExternal[];
}

export interface LabNode {
  /** `<lab>-node-<n>`. */
  name: string;
  addresses: string[];
  /** Path of the node's network namespace. */
  netns: string;
}

export interface LabNamespace {
  name: string;
  labels: Record<string, string>;
}

export interface LabPod {
  namespace: string;
  name: string;
  uid: string;
  /** Name of the node. */
  node: string;
  /** The pod's own, or its node's when hostNetwork. */
  addresses: string[];
  labels: Record<string, string>;
  /** Name of the Deployment, StatefulSet, ... or of the pod itself. */
  workload: string;
  workloadKind: string;
  ports: LabPort[];
  hostNetwork: boolean;
  /** RFC 3339. */
  created: string;
  /** Path of the network namespace the pod runs in: its own, or its node's when hostNetwork. */
  netns: string;
  cgroup: string;
  /** inode of the cgroup directory, as text. */
  cgroupId: string;
  /** True for what the lab adds by itself (DNS), which no manifest asked for. */
  system: boolean;
}

export interface LabPort {
  /** Empty when the manifest gives none. */
  name: string;
  port: number;
  protocol: "TCP" | "UDP" | "SCTP";
}

export interface LabServicePort extends LabPort {
  /** Number or name of the container port, as the manifest has it; the port itself by default. */
  targetPort: number | string;
}

export interface LabService {
  namespace: string;
  name: string;
  uid: string;
  /** ClusterIP, or empty: the lab resolves services to their pods. */
  addresses: string[];
  labels: Record<string, string>;
  /** Empty: selects no pod. */
  selector: Record<string, string>;
  ports: LabServicePort[];
}

export interface LabExternal {
  name: string;
  addresses: string[];
}
