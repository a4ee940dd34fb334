/** Label selectors, with the meaning the API machinery gives them. */

export type Labels = Record<string, string>;

export type Operator = "In" | "NotIn" | "Exists" | "DoesNotExist";

export const operators: readonly Operator[] = ["In", "NotIn", "Exists", "DoesNotExist"];

export interface Requirement {
  key: string;
  operator: Operator;
  /** Empty for Exists and DoesNotExist. */
  values: string[];
}

/** All requirements must hold. An empty selector selects everything; an absent one is not a Selector. */
export type Selector = Requirement[];

/** `matchLabels` and `matchExpressions` as a policy writes them. */
export interface LabelSelector {
  matchLabels?: Labels;
  matchExpressions?: { key: string; operator: Operator; values?: string[] }[];
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case "In":
      return value !== undefined && requirement.values.includes(value);
    case "NotIn":
      // A pod without the key matches: that is what the API machinery's own selector does.
      return value === undefined || !requirement.values.includes(value);
    case "Exists":
      return value !== undefined;
    default:
      return value === undefined;
  }
}

export function selects(selector: Selector, labels: Labels): boolean {
  return selector.every((requirement) => holds(requirement, labels));
}

/** matchLabels are requirements with one value. */
export function selectorOf(written: LabelSelector): Selector {
  const labels = Object.entries(written.matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: "In",
    values: [value],
  }));
  const expressions = (written.matchExpressions ?? []).map(
    ({ key, operator, values }): Requirement => ({ key, operator, values: values ?? [] }),
  );
  return [...labels, ...expressions];
}

/** Equal for selectors that differ only in the order of requirements and values. */
export function selectorKey(selector: Selector): string {
  const parts = selector.map(({ key, operator, values }) =>
    JSON.stringify([key, operator, [...new Set(values)].sort()]),
  );
  return [...new Set(parts)].sort().join("&");
}

/** For people: `app=cart,tier in (a,b),!legacy`; `everything` for the empty selector. */
export function describeSelector(selector: Selector): string {
  if (selector.length === 0) return "everything";
  return selector
    .map(({ key, operator, values }) => {
      if (operator === "Exists") return key;
      if (operator === "DoesNotExist") return `!${key}`;
      if (operator === "In" && values.length === 1) return `${key}=${values[0]}`;
      return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
    })
    .join(",");
}
