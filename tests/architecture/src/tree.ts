import { existsSync, readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** The repository's root. */
export const root = resolve(import.meta.dirname, "../../..");

/** Groups of packages, as the dependency rule of ARCHITECTURE.md names them. */
export const pure = ["@weir/codec", "@weir/policy", "@weir/query"];
export const doors = ["libbpf-ts", "@weir/bus", "@weir/identity", "@weir/store"];

export interface Package {
  name: string;
  /** Relative to the root, e.g. libs/bus. */
  directory: string;
  declared: Set<string>;
  imports: Import[];
}

export interface Import {
  /** Relative to the root. */
  file: string;
  specifier: string;
  /** Package name of a bare specifier; undefined for relative ones. */
  target: string | undefined;
  builtin: boolean;
  test: boolean;
  typeOnly: boolean;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^"'`;]*?\bfrom\s*["']([^"']+)["']|(?:^|\n)\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|\brequire\(\s*["']([^"']+)["']\s*\)/g;

/** Every file below a directory, without what is built or installed. */
export function filesBelow(directory: string): string[] {
  const absolute = join(root, directory);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "build", ".git", ".nx"].includes(entry.name)) return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function targetOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("/")) return undefined;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}

/** The imports one file names, dynamic ones with a literal included. */
export function importsOf(file: string): Import[] {
  return [...read(file).matchAll(importPattern)].map((match) => {
    const specifier = (match[2] ?? match[3] ?? match[4] ?? match[5]) as string;
    const builtin = specifier.startsWith("node:") || builtinModules.includes(specifier);
    return {
      file,
      specifier,
      target: builtin ? specifier : targetOf(specifier),
      builtin,
      test: /\.test\.ts$|\/testing\/|^tests\//.test(file),
      typeOnly: match[1] !== undefined,
    };
  });
}

/** A relative import that leaves its own package. */
export function leavesPackage(found: Import, directory: string): boolean {
  if (found.target !== undefined || !found.specifier.startsWith(".")) return false;
  const reached = relative(root, resolve(root, dirname(found.file), found.specifier));
  return !reached.startsWith(`${directory}/`) && !reached.startsWith("schemas/");
}

/** All workspaces with what they declare and import. */
export function packages(): Package[] {
  const groups = ["libs", "apps", "tests"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(group, name)),
  );
  const infra = readdirSync(join(root, "infra")).map((name) => join("infra", name));
  return [...groups, ...infra]
    .filter((directory) => existsSync(join(root, directory, "package.json")))
    .map((directory) => {
      const manifest = JSON.parse(read(join(directory, "package.json"))) as {
        name: string;
        dependencies?: Record<string, string>;
        devDependencies?: Record<string, string>;
      };
      return {
        name: manifest.name,
        directory,
        declared: new Set([
          ...Object.keys(manifest.dependencies ?? {}),
          ...Object.keys(manifest.devDependencies ?? {}),
        ]),
        imports: filesBelow(directory)
          .filter((file) => /\.(ts|mts|mjs|js)$/.test(file) && !file.endsWith(".d.ts"))
          .flatMap((file) => importsOf(file)),
      };
    });
}
