/**
 * What a running lab says of itself: `<run>/labs/<name>.json`, written by rename, removed when the
 * lab is taken down. It is a source of identity: the controller publishes its pods, services and
 * nodes as workloads. Times are RFC 3339, addresses textual.
 */

export interface LabFile {
  lab: string;
  /** When the lab was made. */
  created: string;
  nodes: LabNode[];
  namespaces: LabNamespace[];
  pods: LabPod[];
  services: LabService[];
  /** Absolute paths or names of the manifests it was made from, for people. */
  manifests?: string[];
}

export interface LabNode {
  name: string;
  addresses: string[];
  /** Path of the node's network namespace. */
  netns: string;
}

export interface LabNamespace {
  name: string;
  labels: Record<string, string>;
}

export interface LabPort {
  /** Empty when the manifest gives none. */
  name: string;
  port: number;
  protocol: "TCP" | "UDP" | "SCTP";
}

export interface LabPod {
  namespace: string;
  name: string;
  /** New for every instance, so that a pod that is made again is another one. */
  uid: string;
  node: string;
  addresses: string[];
  labels: Record<string, string>;
  /** Top owner: the Deployment and the like, or the pod's own name. */
  workload: string;
  workloadKind: string;
  ports: LabPort[];
  hostNetwork: boolean;
  created: string;
}

export interface LabService {
  namespace: string;
  name: string;
  uid: string;
  /** Addresses that the service itself answers on; none where its name resolves to its pods. */
  addresses: string[];
  labels: Record<string, string>;
  selector: Record<string, string>;
  ports: LabPort[];
  created: string;
}
