import { startBroker } from "@weir/kafka";
import { measureBaseline } from "./capture/baseline.ts";
import { measureSweep } from "./capture-sweep.ts";
import { openCaptureBed } from "./capture/bed.ts";
import type { CaptureBed } from "./capture/bed.ts";
import { measureCarrying } from "./capture/carrying.ts";
import { measurePrograms } from "./capture/programs.ts";
import { measureRatios } from "./capture/ratios.ts";
import { measureRows } from "./capture/rows.ts";
import { measureWire } from "./capture/wire.ts";
import type { Bench, Result } from "./result.ts";

async function run({
  quick,
  progress,
}: {
  quick: boolean;
  progress: (text: string) => void;
}): Promise<Result[]> {
  const costs = [
    ...(await measureSweep(quick, progress)),
    ...(await measurePrograms(quick)),
    ...(await measureRatios(quick ? 10 : 21, progress)),
  ];
  await using bed = await openCaptureBed();
  return [
    ...costs,
    ...(await onBroker(bed, quick, progress)),
    ...(await toRows(bed, quick, progress)),
  ];
}

async function onBroker(
  bed: CaptureBed,
  quick: boolean,
  progress: (text: string) => void,
): Promise<Result[]> {
  await using broker = await startBroker();
  const plain = await measureBaseline(broker.address, quick);
  return [
    ...(await measureCarrying(bed, broker.address, plain, quick, progress)),
    ...(await measureWire(broker, plain)),
  ];
}

/** On a broker without flows: what is stored is what was made meanwhile. */
async function toRows(
  bed: CaptureBed,
  quick: boolean,
  progress: (text: string) => void,
): Promise<Result[]> {
  await using broker = await startBroker();
  return await measureRows(bed, broker, quick, progress);
}

export const capture: Bench = {
  name: "capture",
  about: "events from the kernel to disk, to a broker and to rows, and what observing costs",
  run,
};
