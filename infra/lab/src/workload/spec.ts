/** What one pod's process is told to do: the JSON file it is started with. */
export interface WorkloadSpec {
  namespace: string;
  pod: string;
  /** Path of the unix socket on which it takes the lab's questions. */
  socket: string;
  listen: { port: number; protocol: "TCP" | "UDP" | "SCTP" }[];
  upstreams: Upstream[];
  /**
   * `background`: each upstream at a gentle random rate. `on-request`: all upstreams for each HTTP
   * request served, which fails if one of them does.
   */
  calls: "background" | "on-request";
  /** Bounds of the random pause between two background calls of one upstream. */
  pauseMs: { from: number; to: number };
  /** Calls and scans begin this long after the lab says that all pods listen. */
  startAfterMs: number;
  scan?: ScanSpec;
}

/** Where an environment variable `NAME_ADDR` points, its port as a Service would translate it. */
export interface Upstream {
  /** The variable's name. */
  name: string;
  host: string;
  port: number;
  protocol: "TCP" | "UDP";
}

/** Connects one by one, gently and without end, to every port of every target. */
export interface ScanSpec {
  /** Names or addresses. */
  targets: string[];
  ports: number[];
  pauseMs: number;
}
