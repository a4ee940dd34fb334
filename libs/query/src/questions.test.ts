import { describe, expect, it } from "@jest/globals";
import {
  deadLetterQuery,
  deadLettersQuery,
  parsePlace,
  placeText,
  sameLettersQuery,
  storedBlockQuery,
} from "./dead-letters.ts";
import { edgesQuery } from "./edges.ts";
import { parseEnd } from "./end.ts";
import {
  countEventsQuery,
  eventLine,
  type EventRow,
  eventsQuery,
  isEventOf,
  leftOutEventsQuery,
} from "./events.ts";
import { flowLine, type FlowRow } from "./flow-line.ts";
import { flowsQuery, maxFlowRows } from "./flows.ts";
import { ledgerAnswer, ledgerQuery } from "./ledger.ts";
import { QuestionError } from "./question-error.ts";
import { describeQuery } from "./schema.ts";

// What the SQL answers is tested on the engine, beside the store.

/** Every {name:Type} of a statement, once. */
const placeholders = (sql: string) =>
  [...new Set([...sql.matchAll(/\{(\w+):\w+\}/g)].map(([, name]) => name ?? ""))].toSorted((a, b) =>
    a.localeCompare(b),
  );

describe("questions", () => {
  const evil = "'; DROP TABLE flows; --";
  const statements = {
    flows: flowsQuery({
      since: 1,
      until: 2,
      from: { namespace: evil, pod: evil },
      to: { name: evil },
      namespace: evil,
      port: 1,
      protocol: evil,
      verdict: "denied",
      limit: 3,
    }),
    edges: edgesQuery({ since: 1, until: 2, namespace: evil, workload: evil, generation: 3 }),
    ledger: ledgerQuery({ since: 1, until: 2 }),
    describe: describeQuery(evil),
    events: eventsQuery({
      ...{ since: 1, until: 2, kind: evil, namespace: evil, workload: evil, node: evil },
      ...{ limit: 3, after: { time: 4, rows: 5 } },
    }),
    allEvents: countEventsQuery({ since: 1, kind: evil }),
    leftOutEvents: leftOutEventsQuery({ since: 1, until: 2 }),
    deadLetters: deadLettersQuery({
      ...{ since: 1, until: 2, topic: evil, limit: 3, after: { time: 4, rows: 5 } },
    }),
    deadLetter: deadLetterQuery({ topic: evil, partition: 1, offset: 2 }),
    sameLetters: sameLettersQuery({ topic: evil, bytes: 1, digest: evil }),
    storedBlock: storedBlockQuery({ node: evil, bootId: evil, block: 1, since: 2, until: 3 }),
  };

  it.each(Object.entries(statements))("%s have a value for each parameter", (_name, statement) => {
    expect(Object.keys(statement.parameters).toSorted((a, b) => a.localeCompare(b))).toEqual(
      placeholders(statement.sql),
    );
  });

  it.each(Object.entries(statements))("%s keep values out of the SQL", (_name, { sql }) => {
    expect(sql).not.toContain("DROP");
  });

  it("refuse what has no answer", () => {
    expect(() => flowsQuery({ since: 2, until: 2 })).toThrow("--until must be later");
    expect(() => edgesQuery({ since: 2, until: 1 })).toThrow(QuestionError);
    expect(() => ledgerQuery({ since: 2, until: 1 })).toThrow(QuestionError);
    for (const limit of [0, -1, 1.5, maxFlowRows + 1])
      for (const ask of [flowsQuery, eventsQuery, deadLettersQuery])
        expect(() => ask({ since: 1, limit })).toThrow("--limit is a number from 1 to");
  });
});

describe("an event", () => {
  const row: EventRow = {
    ...{ time: "2026-03-01T12:00:00.000000Z", node: "n1", boot_id: "", kind: "policy-error" },
    ...{ namespace: "", workload: "", pod: "", text: "one", fields: {} },
  };

  it("is printed without what is empty", () => {
    expect(eventLine(row)).toEqual({
      time: row.time,
      ...{ kind: "policy-error", node: "n1", text: "one" },
    });
    expect(eventLine({ ...row, pod: "p", fields: { a: "" } })).toMatchObject({
      ...{ pod: "p", fields: { a: "" } },
    });
  });

  it("is one of those that have every field asked for", () => {
    const event = eventLine(row);
    expect(isEventOf({}, event)).toBe(true);
    expect(isEventOf({ kind: "policy-error", node: "n1", namespace: "" }, event)).toBe(true);
    expect(isEventOf({ kind: "policy-error", node: "n2" }, event)).toBe(false);
    expect(isEventOf({ workload: "cart" }, event)).toBe(false);
  });
});

describe("the place of a dead letter", () => {
  it("is read as it is written", () => {
    const place = { topic: "weir.flows.v1", partition: 3, offset: 17 };
    expect(parsePlace(placeText(place))).toEqual(place);
  });

  it.each(["", "weir.flows.v1", "weir.flows.v1:0", "a:b:c", "a:1:-2", "a b:1:2"])(
    "refuses %p",
    (text) => {
      expect(() => parsePlace(text)).toThrow("TOPIC:PARTITION:OFFSET");
    },
  );
});

describe("an end of a flow", () => {
  it.each([
    ["shop/cart-0", { namespace: "shop", pod: "cart-0" }],
    ["10.0.0.1", { name: "10.0.0.1" }],
    ["api.example.org", { name: "api.example.org" }],
  ])("%s", (text, filter) => {
    expect(parseEnd(text)).toEqual(filter);
  });

  it.each(["", "/", "shop/", "/cart", "a/b/c"])("refuses %p", (text) => {
    expect(() => parseEnd(text)).toThrow("NAMESPACE/POD");
  });
});

describe("a line of flows", () => {
  const row: FlowRow = {
    time: "2026-03-01T12:00:00.000000Z",
    node: "n1",
    direction: "unknown",
    src_ip: "10.0.0.1",
    src_port: 0,
    src_namespace: "",
    src_pod: "",
    src_workload: "",
    src_name: "",
    dst_ip: "fd00::1",
    dst_port: 53,
    dst_namespace: "kube-system",
    dst_pod: "",
    dst_workload: "dns",
    dst_name: "dns",
    protocol: "UDP",
    packets: 1,
    bytes: 60,
    reply_packets: 0,
    reply_bytes: 0,
    verdict: "unknown",
    reason: "observed",
    generation: 0,
    ...{ handshake_rtt_us: null, srtt_us: null, first_byte_us: null, retransmits: 0 },
    ...{ close_reason: "none", before_start: false, dns_name: "" },
    ...{ process_pid: null, process_start: null, process_comm: "", process_executable: "" },
    ...{ process_cgroup_id: null, process_container: "" },
  };

  it("says what is known of the connection", () => {
    const line = flowLine({
      ...row,
      ...{ handshake_rtt_us: 250, srtt_us: 300, first_byte_us: 1200, retransmits: 2 },
      ...{ close_reason: "reset_by_source", before_start: true, dns_name: "db.example.org" },
      ...{ process_pid: 7, process_start: row.time, process_comm: "node" },
      ...{ process_executable: "/usr/bin/node", process_cgroup_id: 42, process_container: "c0" },
    });
    expect(line).toMatchObject({
      ...{ handshakeRttUs: 250, srttUs: 300, firstByteUs: 1200, retransmits: 2 },
      ...{ closeReason: "reset_by_source", beforeStart: true, dnsName: "db.example.org" },
      process: {
        ...{ pid: 7, start: row.time, comm: "node", executable: "/usr/bin/node" },
        ...{ cgroupId: 42, container: "c0" },
      },
    });
    expect(flowLine({ ...row, process_pid: 7 }).process).toEqual({ pid: 7 });
  });

  it("leaves out what is unknown", () => {
    expect(flowLine(row)).toEqual({
      time: "2026-03-01T12:00:00.000000Z",
      node: "n1",
      source: { ip: "10.0.0.1", port: 0 },
      destination: {
        ip: "fd00::1",
        port: 53,
        namespace: "kube-system",
        workload: "dns",
        name: "dns",
      },
      protocol: "UDP",
      packets: 1,
      bytes: 60,
      replyPackets: 0,
      replyBytes: 0,
      reason: "observed",
      generation: 0,
    });
  });

  it.each(["ICMP", "ICMPv6", "GRE", "253"])("has no ports for %s", (protocol) => {
    const line = flowLine({ ...row, protocol });
    expect(line.source).not.toHaveProperty("port");
    expect(line.destination).not.toHaveProperty("port");
  });
});

describe("the answer of the ledger", () => {
  const run = { node: "n", boot_id: "b", produced: 5, stored: 5, lost: {}, lost_before: {} };
  const range = { since: 0, until: 1_000_000 };
  const only = (...rows: Parameters<typeof ledgerAnswer>[1]) => ledgerAnswer(range, rows).nodes[0];

  it("adds up the runs of a boot, one node after the other", () => {
    const answer = ledgerAnswer(range, [
      run,
      { ...run, produced: 2, stored: 2 },
      { ...run, node: "m" },
    ]);
    expect(answer.from).toBe("1970-01-01T00:00:00.000Z");
    expect(answer.to).toBe("1970-01-01T00:00:01.000Z");
    expect(answer.nodes.map(({ node, produced }) => [node, produced])).toEqual([
      ["n", 7],
      ["m", 5],
    ]);
  });

  it("is complete only when nothing is missing, lost or too many", () => {
    expect(only(run)?.complete).toBe(true);
    expect(only({ ...run, stored: 4 })).toMatchObject({ unexplained: 1, complete: false });
    expect(only({ ...run, stored: 6 })).toMatchObject({ unexplained: 0, complete: false });
    // Too many in one run do not make up for what is missing in another.
    expect(only({ ...run, stored: 4 }, { ...run, stored: 6 })).toMatchObject({
      unexplained: 1,
      complete: false,
    });
    const lost = { ...run, lost: { map_share: 3, map: 1 }, lost_before: { map_share: 3 } };
    expect(only(lost)).toMatchObject({ lost: { map: 1 }, complete: false });
    const again = { ...run, lost: { map: 2 }, lost_before: { map: 3 } };
    expect(only(again)).toMatchObject({ lost: { map: 2 }, complete: false });
  });

  it("explains missing rows by causes that took records, never by those that made none", () => {
    const lost = { spool: 2, spool_damaged: 1, dead_letter: 1 };
    expect(only({ ...run, stored: 1, lost })).toMatchObject({ unexplained: 0, lost });
    // Connections without an entry in the map were never in a block.
    const counted = { map: 4, map_share: 4 };
    expect(only({ ...run, stored: 1, lost: counted })).toMatchObject({
      unexplained: 4,
      lost: counted,
    });
  });
});
