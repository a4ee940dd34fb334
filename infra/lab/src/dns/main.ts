/** The lab's DNS server. Arguments: path of a WorkloadSpec, path of the lab's file. */
import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { LabFile } from "@weir/identity";
import { serveAgent } from "../workload/agent.ts";
import { newCounts } from "../workload/counts.ts";
import type { WorkloadSpec } from "../workload/spec.ts";
import { zoneOf } from "./records.ts";
import { serveDns } from "./serve.ts";

const DNS_PORT = 53;

const [, , specPath = "", labPath = ""] = process.argv;
const spec = JSON.parse(readFileSync(specPath, "utf8")) as WorkloadSpec;
const readZone = () => zoneOf(JSON.parse(readFileSync(labPath, "utf8")) as LabFile);
let zone = readZone();

// The file is replaced by rename: what tells is its folder.
watch(dirname(labPath), (_event, name) => {
  if (name !== basename(labPath)) return;
  try {
    zone = readZone();
  } catch {
    // The lab is being taken down: what was known serves until the end.
  }
});

const ready = serveDns(DNS_PORT, () => zone);
await serveAgent(spec.socket, { counts: newCounts(), ready, begin: () => {} });
