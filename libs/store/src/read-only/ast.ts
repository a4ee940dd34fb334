/** A node of EXPLAIN AST: `Function file (alias f) (children 1)`. */
export interface AstNode {
  depth: number;
  kind: string;
  /** What follows the kind: a name, a literal. */
  text: string;
}

/**
 * Lines of EXPLAIN AST as nodes. A literal with a line break in it may add lines that look like
 * nodes; it cannot hide any.
 */
export function astNodes(explained: string): AstNode[] {
  return explained
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, indent = "", kind = "", rest = ""] = /^( *)(\S+) ?(.*)$/.exec(line) ?? [];
      const text = rest.replace(/\(children \d+\)$/, "").trim();
      return { depth: indent.length, kind, text };
    });
}

/** Name of a function or table, its alias left out. */
export function nameOf(node: AstNode): string {
  return node.text.replace(/ \(alias .*\)$/, "");
}
