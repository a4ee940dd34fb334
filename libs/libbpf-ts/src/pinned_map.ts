import { BpfError, refusal } from "./error.ts";
import { mapType } from "./kinds.ts";
import { BpfMap } from "./map.ts";
import type { NativeMap } from "./native.ts";

/** What to do with a pin whose map is not like the object's. */
export type OnIncompatible = "fail" | "replace";

/**
 * The map pinned at `path` when it is there and like the object's; undefined when it must be made.
 * Throws BpfError EEXIST, with what differs, for one that is unlike and not to be replaced.
 */
export function reusable(
  path: string,
  wanted: NativeMap,
  onIncompatible: OnIncompatible,
): BpfMap | undefined {
  let pinned: BpfMap;
  try {
    pinned = BpfMap.openPinned(path);
  } catch (error) {
    if (error instanceof BpfError && error.code === "ENOENT") return undefined;
    throw error;
  }
  const differences = differencesOf(pinned, wanted);
  if (differences.length === 0) return pinned;
  pinned.close();
  if (onIncompatible === "replace") {
    pinned.unpin(path);
    return undefined;
  }
  throw refusal(
    `reuse map ${wanted.name} pinned at ${path}`,
    "EEXIST",
    `unlike the object's: ${differences.join(", ")}`,
  );
}

function differencesOf(pinned: BpfMap, wanted: NativeMap): string[] {
  const differences: string[] = [];
  const compare = (what: string, is: number | string, should: number | string) => {
    if (is !== should) differences.push(`${what} is ${is}, should be ${should}`);
  };
  compare("type", pinned.type, mapType.name(wanted.type));
  compare("key size", pinned.keySize, wanted.keySize);
  compare("value size", pinned.valueSize, wanted.valueSize);
  compare("max entries", pinned.maxEntries, wanted.maxEntries);
  compare("flags", pinned.flags, wanted.flags);
  return differences;
}
