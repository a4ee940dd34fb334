/** A pod as tests of the lab describe it. */
export interface PodOutline {
  /** `namespace/name` */
  key: string;
  /** One address, or several; none: the lab chooses. */
  address: string | string[];
  labels: Record<string, string>;
  /** Empty: any. */
  node: string;
  /** Ports that are really listened on; 80 over TCP and UDP unless given. */
  ports?: { name?: string; containerPort: number; protocol: string }[];
  hostNetwork?: boolean;
}

const usual = ["TCP", "UDP"].map((protocol) => ({ containerPort: 80, protocol }));

/** Namespaces and pods as a list of manifests. */
export function manifestsOf(
  namespaces: Record<string, Record<string, string>>,
  pods: readonly PodOutline[],
): string {
  const items = [
    ...Object.entries(namespaces).map(([name, labels]) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels },
    })),
    ...pods.map(podOf),
  ];
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function podOf({ key, address, labels, node, ports = usual, hostNetwork = false }: PodOutline) {
  const [namespace, name] = key.split("/");
  const podIPs = [address].flat().map((ip) => ({ ip }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: {
      hostNetwork,
      ...(node === "" ? {} : { nodeName: node }),
      containers: [{ name: "main", image: "none", ports }],
    },
    ...(podIPs.length === 0 ? {} : { status: { podIPs } }),
  };
}
