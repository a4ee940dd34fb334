import { paint } from "../print/format.ts";

export interface BannerFacts {
  url: string;
  /** What is watched, in words. */
  watching: string;
  data: string;
  /** A namespace with pods, for the examples; undefined where there is none. */
  namespace: string | undefined;
  /** Flows follow on stdout. */
  printFlows: boolean;
  colour: boolean;
}

/** What `weir up` says when it is ready: where it is, and what to try next. */
export function bannerText(facts: BannerFacts): string {
  const { url, watching, data, namespace, printFlows, colour } = facts;
  const tries = [
    ["npx weir flows --since 1m", "who talked to whom, bytes, packets, verdict"],
    [
      'npx weir sql "SELECT src_workload, dst_workload, dst_port, sum(bytes) FROM flows GROUP BY ALL"',
      "",
    ],
    [
      `npx weir policy suggest${namespace === undefined ? "" : ` --namespace ${namespace}`} -o yaml > p.yaml`,
      "then: npx weir policy apply -f p.yaml",
    ],
  ].map(
    ([command = "", what = ""]) =>
      `  ${paint(command, "bold", colour)}${what === "" ? "" : `   # ${what}`}`,
  );
  return [
    "",
    `${paint("weir is ready", "green", colour)}: ${watching}`,
    `  API   ${url}`,
    `  data  ${data}`,
    "",
    "In a second terminal, in this folder:",
    ...tries,
    "",
    `Ctrl-C stops it and leaves nothing behind.${printFlows ? " Flows as they happen:" : ""}`,
    "",
  ].join("\n");
}
