/** A node of EXPLAIN AST, with those below it. */
export interface TreeNode {
  kind: string;
  /** What follows the kind: a name, a literal. */
  text: string;
  alias: string | undefined;
  children: TreeNode[];
}

/** Deeper statements are not looked at. */
const maxDepth = 500;

/**
 * The lines of EXPLAIN AST as a tree. Undefined where they are none: a line break within a name may
 * add lines, and then the numbers of children do not agree.
 */
export function treeOf(explained: string): TreeNode | undefined {
  const lines = explained.split("\n").filter((line) => line !== "");
  let at = 0;
  const read = (depth: number): TreeNode | undefined => {
    const [, indent = "", kind = "", rest = ""] =
      /^( *)([A-Za-z]\w*)(?: (.*))?$/.exec(lines[at] ?? "") ?? [];
    if (kind === "" || indent.length !== depth || depth > maxDepth) return undefined;
    at++;
    const [, named = "", count = "0"] = /^(.*?)(?:\(children (\d+)\))?$/.exec(rest) ?? [];
    const [, text = "", alias] = /^(.*?)(?: ?\(alias (.*)\))?$/.exec(named.trim()) ?? [];
    const node: TreeNode = { kind, text: text.replaceAll("`", ""), alias, children: [] };
    for (let child = 0; child < Number(count); child++) {
      const next = read(depth + 1);
      if (next === undefined) return undefined;
      node.children.push(next);
    }
    return node;
  };
  const root = read(0);
  return root !== undefined && at === lines.length ? root : undefined;
}

/** It and all below it. */
export function* within(node: TreeNode): Generator<TreeNode> {
  yield node;
  for (const child of node.children) yield* within(child);
}

/** What a function is called with; undefined for another node. */
export function argumentsOf(node: TreeNode): TreeNode[] | undefined {
  return node.kind === "Function" ? (node.children[0]?.children ?? []) : undefined;
}
