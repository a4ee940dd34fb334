import { doors, filesBelow, importsOf, leavesPackage, packages, pure, read } from "./tree.ts";

const all = packages();
const named = (name: string) => all.find((one) => one.name === name);

/** Each third-party package lives behind one door. */
const behind: Record<string, string[]> = {
  kafkajs: ["@weir/bus"],
  "@platformatic/kafka": ["@weir/bus"],
  chdb: ["@weir/store"],
  "@clickhouse/client": ["@weir/store"],
  pino: ["@weir/runtime"],
  "prom-client": ["@weir/runtime"],
  fastify: ["@weir/api"],
  avsc: ["@weir/codec"],
  "dns-packet": ["@weir/identity", "@weir/lab"],
  yaml: ["@weir/policy", "@weir/runtime"],
};

/** What a pure library may not reach: anything that leaves the process. */
const inputOutput =
  /^(node:)?(fs|net|http|https|http2|tls|dgram|dns|child_process|worker_threads|cluster)(\/|$)/;

describe("the dependency rule", () => {
  it("finds the packages it judges", () => {
    expect(all.length).toBeGreaterThan(15);
    for (const name of [...pure, ...doors]) expect(named(name)?.imports.length).toBeGreaterThan(0);
  });

  it("keeps contracts free of imports", () => {
    const sources = filesBelow("schemas").filter((file) => /\.(ts|mjs|js)$/.test(file));
    expect(sources.flatMap((file) => importsOf(file))).toEqual([]);
  });

  it("keeps pure libraries free of input and output", () => {
    const offences = pure
      .flatMap((name) => named(name)?.imports ?? [])
      .filter((found) => !found.test && !found.typeOnly && inputOutput.test(found.specifier))
      // The codec reads its own schemas when it is loaded.
      .filter((found) => found.file !== "libs/codec/src/schemas.ts")
      .map((found) => `${found.file}: ${found.specifier}`);
    expect(offences).toEqual([]);
  });

  it("keeps pure libraries from importing doors and apps", () => {
    const offences = pure
      .flatMap((name) => named(name)?.imports ?? [])
      .filter((found) => !found.test && (found.target?.startsWith("@weir/") ?? false))
      .filter((found) => !pure.includes(found.target as string))
      .map((found) => `${found.file}: ${found.specifier}`);
    expect(offences).toEqual([]);
  });

  it("keeps doors from importing each other", () => {
    const offences = doors.flatMap((name) =>
      (named(name)?.imports ?? [])
        .filter(
          (found) => !found.test && doors.includes(found.target ?? "") && found.target !== name,
        )
        .map((found) => `${found.file}: ${found.specifier}`),
    );
    expect(offences).toEqual([]);
  });

  it("keeps apps from importing other apps, except cli", () => {
    const apps = all.filter((one) => one.directory.startsWith("apps/"));
    const names = new Set(apps.map((one) => one.name));
    const offences = apps
      .filter((one) => one.name !== "@weir/cli")
      .flatMap((one) => one.imports)
      .filter((found) => !found.test && names.has(found.target ?? ""))
      .map((found) => `${found.file}: ${found.specifier}`);
    expect(offences).toEqual([]);
  });

  it("keeps libraries from importing apps, infra and tests", () => {
    const offences = all
      .filter((one) => one.directory.startsWith("libs/"))
      .flatMap((one) => one.imports)
      .filter((found) => !found.test)
      .filter((found) => {
        const target = named(found.target ?? "");
        return target !== undefined && !target.directory.startsWith("libs/");
      })
      .map((found) => `${found.file}: ${found.specifier}`);
    expect(offences).toEqual([]);
  });
});

describe("packages", () => {
  it.each(Object.entries(behind))("%s lives behind its door", (library, allowed) => {
    const offences = all
      .filter((one) => !allowed.includes(one.name))
      .flatMap((one) => one.imports)
      .filter((found) => !found.test && found.target === library)
      .map((found) => found.file);
    expect(offences).toEqual([]);
  });

  it("declare what they import", () => {
    const provided = new Set(["@jest/globals", "jest"]);
    const offences = all.flatMap((one) =>
      one.imports
        .filter((found) => found.target !== undefined && !found.builtin)
        .filter((found) => found.target !== one.name && !provided.has(found.target as string))
        .filter((found) => !one.declared.has(found.target as string))
        .map((found) => `${found.file}: ${found.specifier}`),
    );
    expect(offences).toEqual([]);
  });

  it("use each dependency they declare", () => {
    const offences = all.flatMap((one) => {
      const used = new Set(one.imports.map((found) => found.target));
      return [...one.declared]
        .filter(
          (name) => !used.has(name) && !name.startsWith("@types/") && name !== "node-api-headers",
        )
        .map((name) => `${one.directory}: ${name}`);
    });
    expect(offences).toEqual([]);
  });

  it("are entered by their one door", () => {
    const deep = all
      .flatMap((one) => one.imports)
      .filter((found) => /^(@weir\/[^/]+|libbpf-ts)\/./.test(found.specifier))
      .map((found) => `${found.file}: ${found.specifier}`);
    const around = all.flatMap((one) =>
      one.imports
        .filter((found) => !found.test && leavesPackage(found, one.directory))
        .map((found) => `${found.file}: ${found.specifier}`),
    );
    expect([...deep, ...around]).toEqual([]);
  });

  it("have a line each in ARCHITECTURE.md for what they depend on", () => {
    const architecture = read("ARCHITECTURE.md");
    const rootManifest = JSON.parse(read("package.json")) as { devDependencies: object };
    const third = new Set(
      [
        ...all.flatMap((one) => [...one.declared]),
        ...Object.keys(rootManifest.devDependencies),
      ].filter(
        (name) => !name.startsWith("@weir/") && name !== "libbpf-ts" && !name.startsWith("@types/"),
      ),
    );
    expect([...third].filter((name) => !architecture.includes(`\`${name}\``))).toEqual([]);
  });
});
