import { describe, expect, it } from "@jest/globals";
import type { DocumentRecord } from "./document-intake.ts";
import { DocumentReading } from "./document-reading.ts";
import type { ReadRecord } from "./document-reading.ts";

function record(name: string, text?: string): DocumentRecord {
  const made = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {}
  ingress:
${Array.from({ length: 20 }, (_, at) => `    - from: [{podSelector: {matchLabels: {app: a${at}}}}]\n`).join("")}`;
  const change = { namespace: "shop", name, text: text ?? made, shadow: false };
  return { key: `shop/${name}`, change: { ...change, changed: 0, author: "" }, headers: {} };
}

describe("the reading of documents", () => {
  it("gives others their turn, and keeps the order of changes", async () => {
    const changes: ReadRecord[][] = [];
    const reading = new DocumentReading({
      isHeld: () => false,
      onRead: (records) => changes.push(records),
    });
    reading.take(Array.from({ length: 500 }, (_, at) => record(`p${at}`)));
    reading.take([record("last", "nonsense")]);
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    await reading.settled();
    clearInterval(ticking);
    expect(changes.map((records) => records.length)).toEqual([500, 1]);
    expect(changes[0]?.every(({ policy }) => typeof policy === "object")).toBe(true);
    expect(changes[1]?.[0]?.policy).toMatch(/^shop\/last:1:1: /);
    expect(turns).toBeGreaterThan(2);
  });

  it("reads no text that holds already", async () => {
    const changes: ReadRecord[][] = [];
    const held = record("held");
    const reading = new DocumentReading({
      isHeld: (key, text) => key === held.key && text === held.change?.text,
      onRead: (records) => changes.push(records),
    });
    reading.take([held, record("new"), { key: "shop/gone", change: null, headers: {} }]);
    await reading.settled();
    expect(changes[0]?.map(({ policy }) => policy !== undefined)).toEqual([false, true, false]);
  });
});
