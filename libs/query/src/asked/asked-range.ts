import { type Surroundings, constantOf, microsOf, unitsUs } from "./moment.ts";
import { type TreeNode, argumentsOf, treeOf, within } from "./tree.ts";

/** What a statement of somebody else's asks about. Times in microseconds since 1970. */
export interface AskedRange {
  since?: number | undefined;
  until?: number | undefined;
}

const second = 1_000_000;

/** Tables of flows, and how much time a row of them is about. */
const tables: Record<string, number> = {
  flows: 0,
  flow_policies: 0,
  edges_1m: 60 * second,
  edges_1h: 3600 * second,
  edges_1d: 86_400 * second,
};
/** Joins whose answer hangs on rows that WHERE then leaves out. */
const choosy = /\b(anti|any|asof|full|paste|right|semi)\b/i;
/** A view of flows that takes its range as arguments. */
const ranged = "connections";

/**
 * The range that a statement reads flows of, from what EXPLAIN AST says of it: wide enough in any
 * case, with no bound where there is none that is plain. A plain bound is `time` held against a
 * constant where every row has to pass. Undefined where it reads no flows at all.
 */
export function askedRange(
  sql: string,
  explained: string,
  around: Omit<Surroundings, "named">,
): AskedRange | undefined {
  const tree = treeOf(explained);
  if (tree === undefined) return {};
  const nodes = [...within(tree)];
  const sources = nodes.filter(({ kind }) => kind === "TableExpression").flatMap(sourceOf);
  const named = nodes.filter((node) => isTable(node) && node.kind.endsWith("Identifier")).length;
  if (sources.length === 0 && named === 0) return undefined;
  // A name that stands elsewhere, as in IN flows; a name of something else; rows that are judged
  // after others of them were read.
  const isPlain =
    named === sources.filter(({ node }) => node.kind !== "Function").length &&
    nodes.every(({ alias }) => alias !== "time") &&
    !/\bqualify\b/i.test(sql) &&
    !(nodes.some(({ kind }) => kind === "TableJoin") && choosy.test(sql));
  if (!isPlain) return {};
  const scope = { ...around, named: (name: string) => aliased(nodes, name) };
  const selects = nodes.filter(({ kind }) => kind === "SelectQuery");
  return hull(selects.flatMap((select) => rangesOf(select, scope)));
}

interface Source {
  node: TreeNode;
  /** Its own name and its alias. */
  names: string[];
}

/** The table of flows that stands there. */
function sourceOf({ children: [node] }: TreeNode): Source[] {
  if (node === undefined || !isTable(node)) return [];
  return [{ node, names: [node.text, lastOf(node.text), ...(node.alias ? [node.alias] : [])] }];
}

function isTable({ kind, text }: TreeNode): boolean {
  if (kind === "Function") return text.toLowerCase() === ranged;
  return kind.endsWith("Identifier") && Object.hasOwn(tables, lastOf(text));
}

const lastOf = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

function aliased(nodes: readonly TreeNode[], name: string): TreeNode | undefined {
  const [one, ...others] = nodes.filter(({ alias }) => alias === name);
  return others.length === 0 ? one : undefined;
}

/** A range for each table of flows that this SELECT itself reads. */
function rangesOf(select: TreeNode, scope: Surroundings): AskedRange[] {
  const from = select.children.findIndex(({ kind }) => kind === "TablesInSelectQuery");
  const elements = select.children[from]?.children ?? [];
  const expressions = elements.flatMap(({ children }) =>
    children.filter(({ kind }) => kind === "TableExpression"),
  );
  const after = select.children.slice(from + 1);
  const end = after.findIndex(({ kind }) => kind !== "Function");
  const conditions = end < 0 ? after : after.slice(0, end);
  const sources = expressions.flatMap(sourceOf);
  return sources.map(({ node, names }) => {
    if (node.kind === "Function") return argumentsRange(node, scope);
    // Beside others the name of the table tells whose time it is.
    const prefixes = expressions.length === 1 && elements.length === 1 ? ["", ...names] : names;
    const columns = prefixes.map((prefix) => (prefix === "" ? "time" : `${prefix}.time`));
    const range = meet(conditions.map((one) => rangeOf(one, columns, scope)));
    const { since, until } = range;
    // Whom LEFT JOIN finds nobody for has the time 0: without a beginning all of them count.
    if (node !== expressions[0]?.children[0] && since === undefined) return {};
    const width = tables[lastOf(node.text)] ?? 0;
    return { since, until: until === undefined ? undefined : until + width };
  });
}

/** `connections(since = '...', until = '...')` */
function argumentsRange(node: TreeNode, scope: Surroundings): AskedRange {
  const given = (argumentsOf(node) ?? []).flatMap((one): [string, number | undefined][] => {
    const [name, value] = argumentsOf(one) ?? [];
    return name === undefined || value === undefined
      ? []
      : [[name.text, microsOf(constantOf(value, scope))]];
  });
  return Object.fromEntries(given.filter(([name]) => name === "since" || name === "until"));
}

/** What a condition leaves of time. */
function rangeOf(node: TreeNode, columns: readonly string[], scope: Surroundings): AskedRange {
  const given = argumentsOf(node) ?? [];
  if (node.text === "and") return meet(given.map((one) => rangeOf(one, columns, scope)));
  if (node.text === "or") return hull(given.map((one) => rangeOf(one, columns, scope)));
  const [left, right, ...more] = given;
  if (left === undefined || right === undefined || more.length > 0) return {};
  const [grain, swapped] = [grainOf(left, columns), grainOf(right, columns)];
  if (grain !== undefined) return bound(node.text, grain, microsOf(constantOf(right, scope)));
  if (swapped === undefined) return {};
  return bound(mirrored[node.text] ?? "", swapped, microsOf(constantOf(left, scope)));
}

const mirrored: Record<string, string> = {
  equals: "equals",
  greater: "less",
  greaterOrEquals: "lessOrEquals",
  less: "greater",
  lessOrEquals: "greaterOrEquals",
};

/** How far back time may be rounded there; undefined where that is not the time. */
function grainOf(node: TreeNode, columns: readonly string[]): number | undefined {
  if (node.kind === "Identifier") return columns.includes(node.text) ? 1 : undefined;
  const [of, ...more] = argumentsOf(node) ?? [];
  if (of?.kind !== "Identifier" || !columns.includes(of.text) || more.length > 0) return undefined;
  const name = node.text.toLowerCase();
  if (name === "todate") return unitsUs["day"];
  if (name === "todatetime") return second;
  return unitsUs[/^tostartof(\w+)$/.exec(name)?.[1] ?? ""];
}

function bound(comparison: string, grain: number, micros: number | undefined): AskedRange {
  if (micros === undefined) return {};
  switch (comparison) {
    case "equals":
      return { since: micros, until: micros + grain };
    case "greater":
    case "greaterOrEquals":
      return { since: micros };
    case "less":
      return { until: grain === 1 ? micros : micros + grain };
    case "lessOrEquals":
      return { until: micros + grain };
    default:
      return {};
  }
}

function meet(ranges: readonly AskedRange[]): AskedRange {
  const since = ranges.flatMap((range) => range.since ?? []);
  const until = ranges.flatMap((range) => range.until ?? []);
  return {
    since: since.length === 0 ? undefined : Math.max(...since),
    until: until.length === 0 ? undefined : Math.min(...until),
  };
}

function hull(ranges: readonly AskedRange[]): AskedRange {
  const [since, until] = [ranges.map((one) => one.since), ranges.map((one) => one.until)];
  const known = (all: (number | undefined)[]): number[] =>
    all.includes(undefined) ? [] : (all as number[]);
  const [starts, ends] = [known(since), known(until)];
  return {
    since: starts.length === 0 ? undefined : Math.min(...starts),
    until: ends.length === 0 ? undefined : Math.max(...ends),
  };
}
