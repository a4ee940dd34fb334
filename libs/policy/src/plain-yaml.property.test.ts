import { stringify } from "yaml";
import { readPlain } from "./plain-yaml.ts";
import type { Path } from "./problem.ts";
import type { Choices } from "./testing/choices.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import type { Json } from "./testing/mutations.ts";
import { mutateText, mutateValue } from "./testing/mutations.ts";
import { makeWorld } from "./testing/world.ts";
import { openYaml, readByLibrary } from "./yaml-source.ts";
import type { YamlDocument } from "./yaml-source.ts";
import { yamlText } from "./yaml-text.ts";

/** Words that readers might take for something else, and places where they stand. */
const doubtful = [
  ...[
    "yes",
    "No",
    "null",
    "~",
    "TRUE",
    "1e3",
    "0x10",
    "010",
    "-1",
    "1.5",
    ".5",
    "1_000",
    "12:30:45",
  ],
  ...[
    "a: b",
    "a #b",
    "a#b",
    "- a",
    "a:",
    ":a",
    "b c",
    "10.0.0.1",
    "2001:db8::/32",
    "fd00::",
    "::1",
  ],
  ...[
    "",
    " a",
    "a ",
    "it's",
    'say "a"',
    "a\\nb",
    "é",
    "2024-01-01",
    "<<",
    "&a",
    "*a",
    "!a",
    "@a",
    "%a",
  ],
  ...[
    "a,b",
    "[a]",
    "{a}",
    "?",
    "? a",
    "|",
    ">",
    "-",
    "--- a",
    "...",
    "k8s-app",
    "kube-system",
    "a/b.c_d",
  ],
];
const frames = [
  (text: string) => `key: ${text}\n`,
  (text: string) => `${text}: value\n`,
  (text: string) => `- ${text}\n- b\n`,
  (text: string) => `key: {a: ${text}, b: [${text}]}\n`,
  (text: string) => `{"key": ${text}}`,
  (text: string) => `key: "${text}"\n`,
  (text: string) => `key: '${text}'\n`,
  (text: string) => `{"key": "${text}", "${text}": 1}`,
  (text: string) => `key:\n  - a: ${text}\n    b: c\n  -   ${text}: d\n`,
  (text: string) => `key:\n- ${text}\nother: ${text} # said\n`,
  (text: string) => `key: a\n  ${text}\n`,
  (text: string) => `key:\n  ${text}\n`,
  (text: string) => `# ${text}\n---\na: ${text}\n--- ${text}\nb: c\n`,
];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const steps = Array.isArray(value)
    ? [...value.keys(), value.length]
    : [...Object.keys(value), "nope"];
  const inside = steps.flatMap((step) =>
    pathsOf((value as Record<string, unknown>)[step], [...path, step]),
  );
  return [path, ...inside];
}

function told({ value, text, locate }: YamlDocument): string {
  const places = pathsOf(value).map((path) => [false, true].map((onKey) => locate(path, onKey)));
  // Remarks behind the last word are in the library's text where they are indented.
  const kept = text.replace(/(?:\s|\s#[^\n]*)*$/, "");
  return JSON.stringify([value, kept, places]);
}

const isWrong = (one: YamlDocument): boolean =>
  one.diagnostics.some(({ severity }) => severity === "error");
const isFilled = (one: YamlDocument): boolean => one.value !== null && one.value !== undefined;

/** Where they differ: in whether anything is wrong with it, else in anything that is read of it. */
function difference(text: string): string | undefined {
  const quick = [...openYaml(text, "f")];
  const thorough = readByLibrary(text, "f");
  if (quick.some(isWrong) !== thorough.some(isWrong)) return `only one refuses\n${text}`;
  if (thorough.some(isWrong)) return undefined;
  const [a = [], b = []] = [quick, thorough].map((all) => all.filter(isFilled).map(told));
  if (JSON.stringify(a) === JSON.stringify(b)) return undefined;
  const at = a.findIndex((one, index) => one !== b[index]);
  return `${a[at]}\n-- the library:\n${b[at]}\n-- of:\n${text}`;
}

function writtenIn(choices: Choices, objects: unknown[]): string {
  const write = choices.pick([
    (one: unknown) => JSON.stringify(one),
    (one: unknown) => JSON.stringify(one, null, 2),
    (one: unknown) => stringify(one),
    // What is no object any more, after a mutation, is never ours to write.
    (one: unknown) => (typeof one === "object" && one !== null ? yamlText(one) : stringify(one)),
    (one: unknown) => stringify(one, { indentSeq: false, indent: 4 }),
    (one: unknown) => stringify(one, { collectionStyle: "flow", lineWidth: 0 }),
  ]);
  const list = choices.oneIn(3) ? [{ apiVersion: "v1", kind: "List", items: objects }] : objects;
  const remark = choices.pick(["", "# said\n", "\n\n", "  # said\n"]);
  return list.map((one) => `${remark}${write(one)}`).join("\n---\n");
}

describe("the quick reader of YAML", () => {
  it("reads what the library reads, wherever it reads at all", () => {
    holdsForAll("both readers agree on whole texts", exampleCount(150), (choices) => {
      const items = structuredClone(makeWorld(choices).policies) as Json[];
      for (let left = choices.below(3); left > 0; left -= 1) mutateValue(choices, items);
      return difference(writtenIn(choices, items));
    });
  }, 600_000);

  it("leaves to the library what is broken, or unclear", () => {
    holdsForAll("both readers agree on broken texts", exampleCount(300), (choices) => {
      const items = makeWorld(choices).policies.slice(0, 1);
      let text = writtenIn(choices, items);
      for (let left = 1 + choices.below(2); left > 0; left -= 1) text = mutateText(choices, text);
      return difference(text);
    });
  }, 600_000);

  it("takes no doubtful word for what the library does not", () => {
    const wrong = frames.flatMap((frame) =>
      doubtful.flatMap((text) => difference(frame(text)) ?? []),
    );
    expect(wrong).toEqual([]);
  });

  it("is who reads policies as they are written, as kubectl prints them, and as weir keeps them", () => {
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: {
        name: "a",
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": '{"a":"b"}\n' },
      },
      spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }] },
    };
    const { annotations: _, ...metadata } = policy.metadata;
    const texts = [
      JSON.stringify({ apiVersion: "v1", kind: "List", items: [policy] }, null, 4),
      stringify({ ...policy, metadata }),
      yamlText({ ...policy, metadata }),
    ];
    for (const text of texts) expect(readPlain(text, 0, text.length)?.value).toBeDefined();
  });

  it("writes objects so that they are read as they were", () => {
    holdsForAll("what is written is read back", exampleCount(150), (choices) => {
      const items = structuredClone(makeWorld(choices).policies) as Json[];
      for (let left = choices.below(4); left > 0; left -= 1) mutateValue(choices, items);
      const words = Object.fromEntries(doubtful.map((text) => [`${text}k`, text]));
      const object = { items, words };
      // The library merges what is under this key, quoted or not; no object has it as a field.
      if (JSON.stringify(items).includes('"<<":')) return undefined;
      const text = yamlText(object);
      const [read] = readByLibrary(text, "f");
      const isSame = JSON.stringify(read?.value) === JSON.stringify(object);
      return isSame ? undefined : `${JSON.stringify(object)} became\n${text}`;
    });
  }, 600_000);
});
