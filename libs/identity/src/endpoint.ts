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
  cgroup: string;
  /** inode of the cgroup directory, as text (64 bits). */
  cgroupId: string;
  /** RFC 3339. */
  created: string;
}
