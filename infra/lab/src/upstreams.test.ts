import type { LabService } from "@weir/identity";
import type { PlannedPod } from "./plan.ts";
import { unreadableAddresses, upstreamsOf } from "./upstreams.ts";

const service = (name: string, ports: LabService["ports"]): LabService => ({
  namespace: "shop",
  name,
  uid: "",
  addresses: [],
  labels: {},
  selector: { app: name },
  ports,
});
const services = [
  service("web", [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }]),
  service("mail", [{ name: "", port: 5000, targetPort: 8080, protocol: "TCP" }]),
  service("log", [{ name: "", port: 514, targetPort: 514, protocol: "UDP" }]),
];
const pods = [
  {
    namespace: "shop",
    labels: { app: "web" },
    ports: [{ name: "http", port: 8081, protocol: "TCP" as const }],
  },
];
const podWith = (env: Record<string, string>, namespace = "shop"): PlannedPod => ({
  namespace,
  name: "p",
  labels: {},
  workload: "p",
  workloadKind: "Pod",
  ports: [],
  hostNetwork: false,
  node: "",
  addresses: [],
  env,
  system: false,
});

describe("upstreamsOf", () => {
  it.each([
    ["web:80", "shop", "web", 8081, "TCP"],
    ["mail.shop.svc:5000", "else", "mail.shop.svc", 8080, "TCP"],
    [
      "http://mail.shop.svc.cluster.local:5000/x",
      "else",
      "mail.shop.svc.cluster.local",
      8080,
      "TCP",
    ],
    ["log:514", "shop", "log", 514, "UDP"],
    // Another namespace's short name, an unknown port and an outside name are taken as they are.
    ["web:80", "else", "web", 80, "TCP"],
    ["web:81", "shop", "web", 81, "TCP"],
    ["weather.example:443", "shop", "weather.example", 443, "TCP"],
    ["[fd00::1]:80", "shop", "fd00::1", 80, "TCP"],
  ])("reads %s in namespace %s", (value, namespace, host, port, protocol) => {
    const pod = podWith({ THE_ADDR: value, OTHER: "web:80" }, namespace);
    expect(upstreamsOf(pod, services, pods)).toEqual([{ name: "THE_ADDR", host, port, protocol }]);
    expect(unreadableAddresses(pod)).toEqual([]);
  });

  it("leaves out, and names, what is no host and port", () => {
    const pod = podWith({ A_ADDR: "web", B_ADDR: "", C_ADDR: "x:port" });
    expect(upstreamsOf(pod, services, pods)).toEqual([]);
    expect(unreadableAddresses(pod)).toEqual(["A_ADDR", "B_ADDR", "C_ADDR"]);
  });
});
