import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { filesBelow, packages, read, root } from "./tree.ts";

const code = ["apps", "libs", "bpf", "infra", "tests"]
  .flatMap((directory) => filesBelow(directory))
  .filter((file) => /\.(ts|mts|mjs|js|c|h|sh)$/.test(file));

describe("the tree", () => {
  it("has a README in every folder on its map", () => {
    const folders = [
      ...packages().map((one) => one.directory),
      "bpf",
      "schemas",
      "infra",
      "tests",
      "infra/setup",
      "infra/kafka",
    ];
    expect(folders.filter((folder) => !existsSync(join(root, folder, "README.md")))).toEqual([]);
  });

  it("keeps files under 500 lines", () => {
    const long = code.filter((file) => read(file).split("\n").length > 500);
    expect(long).toEqual([]);
  });

  it("has no drawer for everything", () => {
    const drawers = code.filter((file) =>
      file.split("/").some((part) => /^(utils?|common|helpers?|core|misc)(\.|$)/.test(part)),
    );
    expect(drawers).toEqual([]);
  });

  it("names only folders that exist in ARCHITECTURE.md", () => {
    const named = read("ARCHITECTURE.md").matchAll(
      /`((?:apps|libs|bpf|schemas|infra|tests)\/[\w./-]*)`/g,
    );
    const missing = [...named]
      .map((match) => match[1] as string)
      .filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });

  it("names only scripts that exist in the documents", () => {
    const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> })
      .scripts;
    const missing = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].flatMap((file) =>
      [...read(file).matchAll(/\bnpm run ([a-z][a-z:-]*)/g)]
        .map((match) => match[1] as string)
        .filter((script) => !(script in scripts))
        .map((script) => `${file}: ${script}`),
    );
    expect(missing).toEqual([]);
  });

  it("licenses the kernel programs for the kernel, each by its own line", () => {
    const sources = filesBelow("bpf").filter((file) => /\.(c|h)$/.test(file));
    expect(sources.length).toBeGreaterThan(1);
    const missing = sources.filter(
      (file) => !/SPDX-License-Identifier:.*GPL-2\.0-only/.test(read(file).split("\n")[0] ?? ""),
    );
    expect(missing.map((file) => basename(file))).toEqual([]);
  });
});
