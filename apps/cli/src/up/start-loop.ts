import { mkdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { watchRunDirectory } from "@weir/identity";
import { type Lifecycle, type Log, createHealth } from "@weir/runtime";
import { openBus, openStore } from "../doors.ts";
import { colourWanted } from "../print/format.ts";
import { type Claim, claim } from "./claim.ts";
import { startLab } from "./lab-in-use.ts";
import { clearLeftovers } from "./leftovers.ts";
import { type UpNotes, noNotes } from "./notes.ts";
import { printFlows } from "./print-flows.ts";
import { allAttached } from "./readiness.ts";
import type { UpSettings } from "./settings.ts";
import { startStations } from "./stations.ts";

export interface LoopDoors {
  log: Log;
  life: Lifecycle;
  say: (text: string) => void;
}

export interface Loop {
  url: string;
  /** What is watched, in words. */
  watching: string;
  namespace: string | undefined;
  /** Begins to print flows to stdout, if they are wanted. */
  printFlows(): void;
}

/** Starts everything, and registers with `life` how each is stopped, the latest first. */
export async function startLoop(
  settings: UpSettings,
  run: string,
  doors: LoopDoors,
): Promise<Loop> {
  const { log, life, say } = doors;
  const notes = await takeOver(settings, run, doors);
  const stopping = (name: string, stop: () => Promise<unknown> | void, visible = true): void =>
    life.onStop(name, async () => {
      if (visible) say(`  ${name}`);
      await stop();
    });
  const health = createHealth();
  let waitingFor: string | undefined = "the stations";
  health.check("start", () => ({
    ok: waitingFor === undefined,
    ...(waitingFor === undefined ? {} : { detail: `waiting for ${waitingFor}` }),
  }));

  say(`starting in ${settings.data}`);
  const bus = await openBus(settings.bus, join(settings.data, "bus"), log);
  stopping("bus", () => bus.close());
  const store = await openStore(settings.store, settings.data, settings.retention);
  stopping("store", () => store.close());
  throwIfStopped(life);
  const { api, collectors } = await startStations(
    settings,
    run,
    { bus, store, log, health },
    stopping,
  );
  writeApiFile(run, api.url);
  stopping("API address", () => rmSync(apiFile(run), { force: true }), false);
  throwIfStopped(life);

  waitingFor = settings.lab.length > 0 ? "the lab" : "the collectors";
  const attached = () => allAttached(run, collectors, life.signal);
  const lab =
    settings.lab.length > 0
      ? await startLab(settings, run, notes, say, async () => void (await attached()))
      : undefined;
  if (lab?.isOurs) stopping(`lab ${lab.name}`, () => lab.down());
  throwIfStopped(life);
  waitingFor = "the collectors to attach";
  const { interfaces, missing } = await attached();
  if (missing > 0)
    say(`${missing} interfaces could not be watched; ${settings.data}/weir.log says why`);
  waitingFor = undefined;
  return {
    url: api.url,
    watching: watchingText(interfaces, collectors.collectors.length, lab?.name),
    namespace: lab?.namespace,
    printFlows() {
      if (!settings.printFlows) return;
      const printing = printFlows(api.live, colourWanted());
      stopping("display", () => printing.stop(), false);
    },
  };
}

/** Claims data and run directory for this process, and clears what a killed one left. */
async function takeOver(
  settings: UpSettings,
  run: string,
  { log, life, say }: LoopDoors,
): Promise<Claim<UpNotes>> {
  mkdirSync(run, { recursive: true, mode: 0o755 });
  const data = claim(
    join(settings.data, "weir.lock"),
    {},
    `, with the data directory ${settings.data}. Stop it, or give another one with --data`,
  );
  life.onStop("data directory", () => data.release());
  const notes = claim<UpNotes>(
    join(run, "up.json"),
    { ...noNotes, data: settings.data },
    ` on this machine. Stop it first; weir lab up and weir collector work beside it`,
  );
  life.onStop("run directory", () => {
    notes.release();
    removeIfEmpty(run);
  });
  if (notes.inherited) {
    // Noted until it is done, in case that this one is killed as well.
    notes.write(notes.inherited);
    rmSync(apiFile(run), { force: true });
    await clearLeftovers(notes.inherited, run, log, say);
  }
  await noteNodes(settings, run, notes, life, log);
  return notes;
}

/** Keeps in the notes which nodes collectors are attached to. */
async function noteNodes(
  settings: UpSettings,
  run: string,
  notes: Claim<UpNotes>,
  life: Lifecycle,
  log: Log,
): Promise<void> {
  const own = settings.interfaces === "none" ? [] : [hostname().toLowerCase()];
  const seen = new Set(own);
  const write = (): void => notes.update((held) => ({ ...held, nodes: [...seen] }));
  notes.write({ data: settings.data, labs: [], nodes: own });
  const watch = watchRunDirectory(run, {
    onState(state) {
      for (const { node } of state.nodes) seen.add(node);
      if (!life.signal.aborted) write();
    },
    onError: (error, path) => log.warn({ error, path }, "cannot read this file"),
  });
  await watch.ready;
  life.onStop("nodes", () => watch.close());
}

function throwIfStopped(life: Lifecycle): void {
  life.signal.throwIfAborted();
}

const apiFile = (run: string): string => join(run, "api.json");

function writeApiFile(run: string, url: string): void {
  writeFileSync(apiFile(run), `${JSON.stringify({ url, pid: process.pid })}\n`);
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Others have files in it.
  }
}

function watchingText(interfaces: number, nodes: number, lab: string | undefined): string {
  if (interfaces === 0) return "it watches no interface yet (weir lab up shop gives it some)";
  const where = `${interfaces} interface${interfaces === 1 ? "" : "s"} on ${nodes} node${nodes === 1 ? "" : "s"}`;
  return lab === undefined ? `watching ${where}` : `watching ${where} of lab ${lab}`;
}
