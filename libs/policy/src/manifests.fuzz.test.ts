import { readManifests } from "./manifests.ts";
import type { Manifests } from "./manifests.ts";
import { formatDiagnostic } from "./problem.ts";
import type { Choices } from "./testing/choices.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import { mutateText, mutateValue } from "./testing/mutations.ts";
import { checkReading } from "./testing/plain-reading.ts";
import { makeWorld } from "./testing/world.ts";

/** Either objects or errors with a place, and every policy exactly as it is written. */
function complaint(text: string): string | undefined {
  let read: Manifests;
  try {
    read = readManifests(text, "fuzz.yaml");
  } catch (error) {
    return `it throws ${String(error)}\n${text}`;
  }
  const lines = text.split(/\r\n|\n|\r/).length;
  for (const one of read.diagnostics) {
    const isPlaced = one.line >= 1 && one.line <= lines + 1 && one.column >= 1;
    if (!isPlaced || one.text === "" || formatDiagnostic(one).includes("\n"))
      return `${JSON.stringify(one)} has no place or words\n${text}`;
  }
  for (const policy of read.policies) {
    try {
      checkReading(policy.written, policy);
      const again = readManifests(JSON.stringify(policy.written), "again.json");
      checkReading(policy.written, again.policies[0] as (typeof read.policies)[0]);
    } catch (error) {
      return `${String(error)}\n${text}`;
    }
  }
  return undefined;
}

function objectsOf(choices: Choices): unknown[] {
  const { policies } = makeWorld(choices);
  return policies.length > 0 ? structuredClone(policies) : [{ kind: "NetworkPolicy" }];
}

describe("the reader of manifests", () => {
  it("reads mutated JSON as it is written, or says where it is wrong", () => {
    holdsForAll("mutated values are read or refused", exampleCount(400), (choices) => {
      const items = objectsOf(choices);
      for (let left = 1 + choices.below(4); left > 0; left -= 1) mutateValue(choices, items);
      const text = items.map((one) => JSON.stringify(one)).join("\n---\n");
      const wrong = complaint(text);
      if (wrong !== undefined) return wrong;
      // JSON.parse sees the text with other eyes than the YAML reader.
      for (const item of items) {
        const alone = JSON.stringify(item);
        const { policies } = readManifests(alone, "fuzz.json");
        try {
          for (const policy of policies) checkReading(JSON.parse(alone), policy);
        } catch (error) {
          return `${String(error)}\n${alone}`;
        }
      }
      return undefined;
    });
  }, 1_800_000);

  it("reads broken texts as they are written, or says where they are wrong", () => {
    holdsForAll("broken texts are read or refused", exampleCount(400), (choices) => {
      const text = objectsOf(choices)
        .map((one) => JSON.stringify(one, null, choices.below(3)))
        .join("\n---\n");
      return complaint(mutateText(choices, text));
    });
  }, 1_800_000);

  const policy = (spec: string): string =>
    `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: ${spec}}`;

  it.each([
    ["nested lists", "[".repeat(20_000) + "]".repeat(20_000)],
    ["nested objects", "{a: ".repeat(20_000) + "1" + "}".repeat(20_000)],
    ["nested blocks", Array.from({ length: 2000 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
    ["nested items", `${"- ".repeat(20_000)}x`],
    ["a selector too deep", policy(`{podSelector: ${"{a: ".repeat(5000)}1${"}".repeat(5000)}}`)],
    ["lists in lists", `${"{apiVersion: v1, kind: List, items: [".repeat(40)}${"]}".repeat(40)}`],
    ["a list of itself", "&l {apiVersion: v1, kind: List, items: [*l, *l]}"],
    [
      "aliases of aliases",
      `a: &a [x]\n${Array.from({ length: 12 }, (_, at) => `${"bcdefghijklm"[at]}: &${"bcdefghijklm"[at]} [${Array(9).fill(`*${"abcdefghijkl"[at]}`).join(",")}]`).join("\n")}`,
    ],
    ["an alias of nothing", policy("{podSelector: *nothing}")],
    [
      "one key twice",
      policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}], from: []}]}"),
    ],
    ["1 and '1'", policy("{podSelector: {matchLabels: {1: a, '1': b}}}")],
    ["__proto__", policy('{"__proto__": {podSelector: {matchLabels: {a: b}}}}')],
    ["a lone surrogate", policy('{podSelector: {matchLabels: {"a": "\\ud800"}}}')],
    ["a port that is no number", policy("{ingress: [{ports: [{port: .nan}]}]}")],
    ["a port without end", policy("{ingress: [{ports: [{port: 1e999}]}]}")],
    ["errors without end", "]".repeat(20_000)],
  ])("refuses %s, with a place and few words", (_, text) => {
    const { policies, diagnostics } = readManifests(text, "bad.yaml");
    expect(policies).toEqual([]);
    expect(diagnostics.some((one) => one.severity === "error")).toBe(true);
    expect(diagnostics.length).toBeLessThanOrEqual(201);
    expect(complaint(text)).toBeUndefined();
  });

  it.each([
    ["one scalar", "x".repeat(5_000_000)],
    ["an open quote", `"${"x".repeat(5_000_000)}`],
    ["a comment", "# ".repeat(2_500_000)],
    ["spaces", `${" ".repeat(5_000_000)}a`],
    [
      "many keys",
      `{${Array.from({ length: 10_000 }, (_, at) => `key-${at}: ${"x".repeat(100)}`).join(",")}}`,
    ],
    [
      "a long list of peers",
      policy(
        `{podSelector: {}, ingress: [{from: [${Array(1500)
          .fill(`{podSelector: {matchLabels: {app: ${"x".repeat(60)}}}}`)
          .join(",")}]}]}`,
      ),
    ],
  ])("comes to an end with 5 MB or so of %s", (_, text) => {
    const { diagnostics, policies } = readManifests(text, "huge.yaml");
    expect(diagnostics.length).toBeLessThanOrEqual(201);
    expect(policies.length).toBeLessThanOrEqual(1);
  });

  it("reads a number with a zero before it as kubectl does", () => {
    const [read] = readManifests(policy("{ingress: [{ports: [{port: 0120}]}]}"), "o.yaml").policies;
    expect(read?.ingress?.[0]?.ports).toMatchObject([{ first: 80, last: 80 }]);
  });
});
