import { collectorConfig, handOver, removeCollector } from "@weir/collector";
import { createLog, loadConfig } from "@weir/runtime";
import { z } from "zod";
import { exitCodes } from "../exit.ts";
import { type StationOptions, common, station } from "./station.ts";

interface CollectorOptions extends StationOptions {
  remove?: boolean;
  node?: string;
}

/** `weir collector`: runs it, or takes away what it left in the kernel. */
export async function collector(options: CollectorOptions): Promise<void> {
  const overrides = { node: options.node };
  if (options.helpConfig) return station("collector", options, overrides);
  // The file of a running collector serves here as well; how it reaches the bus does not matter.
  const schema = z.object({ ...common, ...collectorConfig.shape, bus: common.bus.optional() });
  const config = loadConfig(schema, {
    ...(options.config === undefined ? {} : { file: options.config }),
    env: { prefix: "WEIR_COLLECTOR", values: process.env },
    overrides,
  });
  if (!options.remove) {
    // Before anything is opened: what runs afterwards is another program.
    handOver(config);
    return station("collector", options, overrides);
  }
  const log = createLog({ name: "collector", level: "warn" });
  if (await removeCollector(config, log)) {
    process.stderr.write(
      `node ${config.node}: its programs, maps and pins are gone, nothing is enforced\n`,
    );
    return;
  }
  process.stderr.write(
    `node ${config.node}: no collector has left anything here; --node names another\n`,
  );
  process.exitCode = exitCodes.denied;
}
