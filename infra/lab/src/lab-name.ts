import { LabError } from "./lab-error.ts";

/** Where `ip netns` keeps namespaces by name. */
export const NETNS_DIRECTORY = "/run/netns";

const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** A lab's name is a DNS label of at most 40 characters: it becomes part of other names. */
export function checkLabName(name: string): void {
  if (NAME.test(name)) return;
  throw new LabError(
    "invalid",
    `lab name ${JSON.stringify(name)}: use at most 40 lower-case letters, digits and dashes`,
  );
}

export function nodeName(lab: string, number: number): string {
  return `${lab}-node-${number}`;
}

/** Names of a lab's network namespaces: no two labs can have one in common. */
export const netnsName = {
  node: (lab: string, number: number) => `weir-${lab}-node-${number}`,
  fabric: (lab: string) => `weir-${lab}-fabric`,
  internet: (lab: string) => `weir-${lab}-internet`,
  pod: (lab: string, namespace: string, pod: string) => `weir-${lab}.${namespace}.${pod}`,
};

/** Whether a network namespace carries a name that this lab, and no other, gives. */
export function isNetnsOf(lab: string, name: string): boolean {
  const rest = name.startsWith(`weir-${lab}`) ? name.slice(`weir-${lab}`.length) : "";
  return /^-(node-\d+|fabric|internet)$/.test(rest) || /^\.[^.]+\../.test(rest);
}
