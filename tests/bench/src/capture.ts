import { startBroker } from "@weir/kafka";
import { measureBaseline } from "./capture/baseline.ts";
import { measureSweep } from "./capture-sweep.ts";
import { openCaptureBed } from "./capture/bed.ts";
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
  await using broker = await startBroker();
  await using bed = await openCaptureBed();
  const plain = await measureBaseline(broker.address, quick);
  return [
    ...costs,
    ...(await measureCarrying(bed, broker.address, plain, quick, progress)),
    ...(await measureWire(broker, plain)),
    ...(await measureRows(bed, broker, quick, progress)),
  ];
}

export const capture: Bench = {
  name: "capture",
  about: "events from the kernel to disk, to a broker and to rows, and what observing costs",
  run,
};
