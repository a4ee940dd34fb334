import type { Policy } from "./network-policy.ts";
import type { Path, Place } from "./problem.ts";

type Locate = (path: Path) => Place;

/** Where the fields of a policy stand in its text. Beside the policies, which must survive JSON. */
const known = new WeakMap<Policy, Locate>();

export function rememberLocations(policy: Policy, locate: Locate): void {
  known.set(policy, locate);
}

/** Place of a field of a policy that was read from a text; else the policy's own, or nowhere. */
export function placeIn(policy: Policy, path: Path): Place {
  return (
    known.get(policy)?.(path) ??
    policy.place ?? { file: `${policy.namespace}/${policy.name}`, line: 1, column: 1 }
  );
}
