import { StoreError } from "../error.ts";
import { stringLiteral } from "../sql-text.ts";
import { type AstNode, astNodes, nameOf } from "./ast.ts";

/** Asks the engine for the one value of a statement; `parameters` are those of the user's SQL. */
export type AskEngine = (sql: string) => Promise<string>;

export interface Admitted {
  /** Canonical text, without comments: what must be run. */
  sql: string;
  /** A SELECT, whose result can be had chunk by chunk. */
  isSelect: boolean;
}

/** Longer statements are refused before they are parsed. */
const maxStatementBytes = 256 * 1024;

/** Table functions that compute, and read nothing but what the role may read. */
const harmlessTableFunctions = new Set([
  // A view of schemas/tables that takes parameters.
  "connections",
  "generate_series",
  "generaterandom",
  "generateseries",
  "null",
  "numbers",
  "numbers_mt",
  "primes",
  "sqlstandardvalues",
  "values",
  "view",
  "zeros",
  "zeros_mt",
]);

/** Functions that read files, call other servers or models, or tell of the process. */
const refusedFunctions = new Set([
  "addresstoline",
  "addresstolinewithinlines",
  "addresstosymbol",
  "aiclassify",
  "aiembed",
  "aiextract",
  "aigenerate",
  "aitranslate",
  "catboostevaluate",
  "evalmlmethod",
  "file",
  "filesystemavailable",
  "filesystemcapacity",
  "filesystemunreserved",
  "getclienthttpheader",
  "getmacro",
  "getserversetting",
  "getserverport",
  "hascolumnintable",
  "joinget",
  "joingetornull",
  "logtrace",
  "mergetreepartinfo",
  "naivebayesclassifier",
  "naivebayesclassifierwithallprobs",
  "naivebayesclassifierwithprob",
  "showcertificate",
]);

/** Likewise, whole families of them: dictionaries may stand for files and other servers. */
const refusedFamilies =
  /^(dict(get|has|isin)|ai[a-z]+$|filesystem|naivebayesclassifier|catboost|zookeeper)/;

/** Tables of the engine that describe the schema and nothing else. */
const readableSystemTables = new Set([
  "system.columns",
  "system.contributors",
  "system.databases",
  "system.data_type_families",
  "system.formats",
  "system.functions",
  "system.licenses",
  "system.numbers",
  "system.numbers_mt",
  "system.one",
  "system.tables",
  "system.time_zones",
]);

/**
 * Lets one statement of an untrusted caller through, or throws StoreError `refused` saying why.
 *
 * The engine itself parses: `formatQuerySingleLine` refuses more than one statement, and EXPLAIN
 * AST of the canonical text shows every function and table. This closes what the engine's own
 * rights do not: the scalar function file(), INTO OUTFILE, SET, KILL. Reading other databases,
 * table functions and settings are refused twice, here and by role and readonly.
 */
export async function admitReadOnly(ask: AskEngine, sql: string): Promise<Admitted> {
  if (Buffer.byteLength(sql) > maxStatementBytes)
    throw new StoreError("refused", `a statement has at most ${maxStatementBytes} bytes`);
  const canonical = await ask(`SELECT formatQuerySingleLine(${stringLiteral(sql)})`);
  if (
    /^(SHOW TABLES|(DESCRIBE TABLE|SHOW CREATE TABLE|SHOW CREATE VIEW|EXISTS TABLE) [\w.`]+)$/.test(
      canonical,
    )
  )
    return { sql: refuseSystem(canonical), isSelect: false };
  const nodes = astNodes(await ask(`EXPLAIN AST ${canonical}`));
  const select = nodes[0]?.kind === "Explain" ? nodes.slice(1) : nodes;
  const [top] = select;
  if (top?.kind !== "SelectWithUnionQuery" && top?.kind !== "SelectIntersectExceptQuery")
    refuse("only SELECT (and EXPLAIN, SHOW TABLES, DESCRIBE TABLE) is allowed");
  for (const [at, node] of select.entries()) admitNode(node, select[at - 1], top.depth);
  if (/\bINTO\s+OUTFILE\b/.test(withoutQuoted(canonical))) refuse("INTO OUTFILE is not allowed");
  return { sql: canonical, isSelect: select === nodes };
}

function admitNode(node: AstNode, before: AstNode | undefined, topDepth: number): void {
  const name = nameOf(node).replaceAll("`", "").toLowerCase();
  // The children of the whole statement are its selects; anything else is FORMAT or INTO OUTFILE.
  if (node.depth === topDepth + 1 && (node.kind === "Identifier" || node.kind === "Literal"))
    refuse("FORMAT and INTO OUTFILE are not allowed: the caller chooses the format (weir sql -o)");
  if (node.kind === "Set") refuse("SETTINGS are not allowed");
  if (node.kind === "Function") {
    if (refusedFunctions.has(name) || refusedFamilies.test(name))
      refuse(`the function ${name}() is not allowed`);
    const isTable = before?.kind === "TableExpression" && before.depth < node.depth;
    if (isTable && !harmlessTableFunctions.has(name))
      refuse(`the table function ${name}() is not allowed`);
  }
  if (node.kind === "TableIdentifier" || node.kind === "Identifier") refuseSystem(name);
}

function refuseSystem(text: string): string {
  const table = /\b(?:system|information_schema)\.[\w]+/i.exec(text.replaceAll("`", ""))?.[0];
  if (table !== undefined && !readableSystemTables.has(table.toLowerCase()))
    refuse(`the table ${table} is not open; these are: ${[...readableSystemTables].join(", ")}`);
  return text;
}

function refuse(reason: string): never {
  throw new StoreError("refused", reason);
}

/** The canonical text has its keywords in capitals; what is quoted could hold anything. */
function withoutQuoted(sql: string): string {
  return sql.replaceAll(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"/g, "''");
}
