import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { maxManifestBytes } from "@weir/policy";
import { CommandError } from "./exit.ts";
import { standardInput } from "./standard-input.ts";

export interface ManifestFile {
  /** As it was given, or found below what was given. */
  file: string;
  text: string;
}

/** Files in one folder tree at most. */
const maxFiles = 10_000;

/** The texts of files, of the .yaml, .yml and .json files below folders, and of stdin for `-`. */
export async function readManifestFiles(paths: string[]): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push({ file: "stdin", text: await standardInput() });
    else if (!existsSync(path)) throw new CommandError(`${path}: there is no such file or folder`);
    else files.push(...below(path).map((file) => ({ file, text: readOne(file) })));
  }
  return files;
}

function below(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const found = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (found.length === 0) throw new CommandError(`${path}: no .yaml, .yml or .json file below it`);
  if (found.length > maxFiles) {
    throw new CommandError(
      `${path}: ${found.length} files are more than the ${maxFiles} that are read at once; name them in parts`,
    );
  }
  return found;
}

function readOne(file: string): string {
  if (statSync(file).size > maxManifestBytes) {
    throw new CommandError(`${file}: larger than ${maxManifestBytes} bytes; split it`);
  }
  return readFileSync(file, "utf8");
}
