/**
 * What the wiring of pods (the lab today, a CNI plugin later) leaves for a node's collector:
 * `<run>/nodes/<node>.json` and `<run>/endpoints/<node>/<namespace>_<pod>.json`, written by rename
 * so that a reader never sees half a file. `<run>` is /run/weir unless configured.
 */

export interface NodeFile {
  node: string;
  /** Name of the lab that made it; absent for a real node. */
  lab?: string;
  /** Path to enter the node's network namespace; absent: the collector's own. */
  netns?: string;
  /** Textual addresses of the node itself, IPv4 and IPv6. */
  addresses: string[];
}

export interface EndpointFile {
  node: string;
  namespace: string;
  pod: string;
  uid: string;
  /** Textual addresses of the pod. */
  addresses: string[];
  /** The workload's interface as seen in the node's network namespace. */
  interface: string;
  ifindex: number;
  /** Path of the pod's own network namespace. */
  netns: string;
  /**
   * The wiring put nothing of the node between its pods, no NAT and no netfilter: where policy is
   * enforced, packets between two such pods of one node may skip the node's stack.
   */
  direct?: boolean;
  cgroup: string;
  /** inode of the cgroup directory, as text (64 bits). */
  cgroupId: string;
  /** RFC 3339. */
  created: string;
}

/**
 * What a node's collector leaves for the wiring of pods, `<run>/collectors/<node>.json`, by rename:
 * while it runs, an interface is brought up only when its uid stands here. The file is void when the
 * process is gone, whatever became of it.
 */
export interface CollectorFile {
  pid: number;
  /** Field 22 of /proc/<pid>/stat: a pid is used again, the two together are not. */
  started: string;
  /** Uids of the endpoints whose interfaces are watched. */
  attached: string[];
}

/** `<run>/collectors/_all.json`: this process starts a collector for each node that appears. */
export interface CollectorsFile {
  pid: number;
  started: string;
  /** Nodes for which that failed: nobody is to wait for them. */
  failed: string[];
}
