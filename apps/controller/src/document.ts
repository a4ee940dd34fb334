import type { PolicyChange } from "@weir/codec";
import { readManifests } from "@weir/policy";
import type { Policy } from "@weir/policy";

/** A document that does not compile any more, and what holds in its place. */
export interface DocumentError {
  namespace: string;
  name: string;
  /** With file and line. */
  error: string;
  /** True: its last good text stays in force. False: it was never in force. */
  previousInForce: boolean;
}

/** A text that reads, as what it says. */
export interface Holding {
  policy: Policy;
  text: string;
  shadow: boolean;
}

/** `namespace/name` */
export function keyOf(document: { namespace: string; name: string }): string {
  return `${document.namespace}/${document.name}`;
}

/** The policy of a document's text, or what is wrong with it. */
export function readDocument(
  document: Pick<PolicyChange, "namespace" | "name">,
  text: string,
): Policy | string {
  const file = keyOf(document);
  const { policies, diagnostics } = readManifests(text, file);
  const wrong = diagnostics.find(({ severity }) => severity === "error");
  if (wrong) return `${file}:${wrong.line}:${wrong.column}: ${wrong.text}`;
  const [policy, second] = policies;
  if (!policy || second) return `${file}: the text must hold exactly one NetworkPolicy`;
  if (policy.name !== document.name || policy.namespace !== document.namespace) {
    return `${file}: the text is of ${policy.namespace}/${policy.name}; apply it under its own name`;
  }
  return policy;
}
