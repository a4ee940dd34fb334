import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import type { RecordType } from "dns-packet";
import type { LabFile, LabPod } from "@weir/identity";
import { zoneOf } from "./records.ts";
import { respond } from "./respond.ts";

const pod = (name: string, labels: Record<string, string>, addresses: string[]): LabPod => ({
  namespace: "shop",
  name,
  uid: name,
  node: "n",
  addresses,
  labels,
  workload: name,
  workloadKind: "Pod",
  ports: [],
  hostNetwork: false,
  created: "2026-01-01T00:00:00Z",
  netns: "",
  cgroup: "",
  cgroupId: "",
  system: false,
});
const many = Array.from({ length: 80 }, (_, index) =>
  pod(`m${index}`, { app: "many" }, [`10.0.1.${index}`]),
);
const service = (name: string, selector: Record<string, string>) => ({
  namespace: "shop",
  name,
  uid: name,
  addresses: [],
  labels: {},
  selector,
  ports: [],
});
const lab: LabFile = {
  lab: "l",
  phase: "running",
  started: "2026-01-01T00:00:00Z",
  manifests: [],
  fingerprint: "",
  block: 0,
  nodes: [],
  namespaces: [],
  pods: [
    pod("a", { app: "cart" }, ["10.0.0.1", "fd00::1"]),
    pod("b", { app: "cart" }, ["10.0.0.2"]),
    ...many,
  ],
  services: [
    service("cart", { app: "cart" }),
    service("many", { app: "many" }),
    service("nobody", {}),
  ],
  external: [{ name: "weather.example", addresses: ["198.51.100.10"] }],
};
const zone = zoneOf(lab);

function ask(name: string, type: RecordType, transport: "udp" | "tcp" = "udp", edns = false) {
  const opt = {
    type: "OPT" as const,
    name: "." as const,
    udpPayloadSize: 4096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const query = encode({
    type: "query",
    id: 7,
    flags: RECURSION_DESIRED,
    questions: [{ name, type }],
    additionals: edns ? [opt] : [],
  });
  const bytes = respond(zone, query, transport);
  if (bytes === undefined) throw new Error("no answer");
  const answer = decode(bytes) as ReturnType<typeof decode> & { rcode: string };
  const data = (answer.answers ?? []).map((one) =>
    "data" in one ? JSON.stringify(one.data).replaceAll('"', "") : "",
  );
  return { ...answer, data: data.toSorted(), bytes };
}

describe("respond", () => {
  it("answers A and AAAA of a service with its pods, as the one in charge", () => {
    const a = ask("cart.shop.svc.cluster.local", "A");
    expect(a.data).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(a.id).toBe(7);
    expect((a.flags ?? 0) & AUTHORITATIVE_ANSWER).toBeTruthy();
    expect(ask("cart.shop.svc.cluster.local", "AAAA").data).toEqual(["fd00::1"]);
    expect(ask("CART.Shop.svc.cluster.local", "A").data).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  it("knows one pod of a service, a pod by its address, and the world outside", () => {
    expect(ask("b.cart.shop.svc.cluster.local", "A").data).toEqual(["10.0.0.2"]);
    expect(ask("10-0-0-1.shop.pod.cluster.local", "A").data).toEqual(["10.0.0.1"]);
    expect(ask("weather.example", "A").data).toEqual(["198.51.100.10"]);
  });

  it("says NXDOMAIN, with its authority, only of names that do not exist", () => {
    const no = ask("card.shop.svc.cluster.local", "A");
    expect([no.rcode, no.answers, no.authorities?.[0]?.type]).toEqual(["NXDOMAIN", [], "SOA"]);
    expect(ask("example.com", "A").rcode).toBe("NXDOMAIN");
    for (const [name, type] of [
      ["b.cart.shop.svc.cluster.local", "AAAA"],
      ["cart.shop.svc.cluster.local", "MX"],
      ["nobody.shop.svc.cluster.local", "A"],
      ["shop.svc.cluster.local", "A"],
      ["cluster.local", "A"],
    ] as const) {
      const empty = ask(name, type);
      expect([name, empty.rcode, empty.answers, empty.authorities?.length]).toEqual([
        name,
        "NOERROR",
        [],
        1,
      ]);
    }
  });

  it("truncates over UDP what the client cannot take, and never over TCP", () => {
    const cut = ask("many.shop.svc.cluster.local", "A");
    expect((cut.flags ?? 0) & TRUNCATED_RESPONSE).toBeTruthy();
    expect(cut.answers).toEqual([]);
    expect(cut.bytes.length).toBeLessThanOrEqual(512);
    expect(ask("many.shop.svc.cluster.local", "A", "udp", true).bytes.length).toBeLessThanOrEqual(
      1232,
    );
    expect(ask("many.shop.svc.cluster.local", "A", "tcp").data).toHaveLength(80);
  });

  it("answers OPT with OPT", () => {
    expect(ask("cart.shop.svc.cluster.local", "A", "udp", true).additionals?.[0]?.type).toBe("OPT");
    expect(ask("cart.shop.svc.cluster.local", "A").additionals).toEqual([]);
  });

  it("never throws: not for rubbish, responses, other operations or many questions", () => {
    expect(respond(zone, Buffer.alloc(5), "udp")).toBeUndefined();
    expect(respond(zone, encode({ type: "response", id: 1 }), "udp")).toBeUndefined();
    const header = encode({ type: "query", id: 9, questions: [] });
    expect((decode(respond(zone, header, "udp") as Buffer) as { rcode?: string }).rcode).toBe(
      "NOTIMP",
    );
    const claims = Buffer.from(header);
    claims.writeUInt16BE(5, 4);
    expect((decode(respond(zone, claims, "udp") as Buffer) as { rcode?: string }).rcode).toBe(
      "FORMERR",
    );
    for (let round = 0; round < 2000; round += 1) {
      const noise = Buffer.from(
        encode({ type: "query", id: 1, questions: [{ name: "cart.shop", type: "A" }] }),
      );
      for (let byte = 0; byte < 6; byte += 1)
        noise[Math.floor(Math.random() * noise.length)] = Math.random() * 256;
      expect(() => respond(zone, noise, "udp")).not.toThrow();
    }
  });
});
