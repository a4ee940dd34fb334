import { createLifecycle, sanitize } from "@weir/runtime";
import { CommandError, exitCodes } from "../exit.ts";
import { colourWanted } from "../print/format.ts";
import { runDirectory } from "../run-directory.ts";
import { bannerText } from "./banner.ts";
import { openLogFile } from "./log-file.ts";
import { type UpOptions, upSettings } from "./settings.ts";
import { startLoop } from "./start-loop.ts";
import { onStopSignals } from "./stop-signals.ts";

/** `weir up`: the whole loop in this process, until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  const settings = upSettings(options);
  if (process.getuid?.() !== 0) {
    throw new CommandError("eBPF programs and network namespaces need root. Run it with sudo");
  }
  const say = (text: string): void => void process.stderr.write(`${sanitize(text)}\n`);
  const { log, path } = openLogFile(settings.data);
  const life = createLifecycle({ log, stopTimeoutMs: settings.stopTimeoutMs });
  let code: number = exitCodes.done;
  const fail = (error: unknown): void => {
    log.fatal({ error }, "an error that nobody caught; stopping");
    say(`weir: ${error instanceof Error ? error.message : String(error)}; more in ${path}`);
    code = exitCodes.failed;
    void life.stop("uncaught error");
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  onStopSignals(
    (signal) => {
      say(`\n${signal === "SIGINT" ? "Ctrl-C" : signal}: stopping; once more leaves at once`);
      void life.stop(signal);
    },
    () => {
      say("left as it was; the next weir up clears it");
      process.exit(130);
    },
  );
  try {
    const loop = await startLoop(settings, runDirectory(), { log, life, say });
    if (!life.signal.aborted) {
      const colour = colourWanted(process.stderr);
      process.stderr.write(
        bannerText({ ...loop, data: settings.data, printFlows: settings.printFlows, colour }),
      );
      loop.printFlows();
    }
  } catch (error) {
    await life.stop("the start failed");
    // What fails because somebody pressed Ctrl-C meanwhile is no failure.
    if (life.signal.reason instanceof Error && /SIG/.test(life.signal.reason.message)) return;
    throw error;
  }
  const { failed } = await life.stopped;
  if (failed.length > 0) {
    say(`did not stop in time: ${failed.join(", ")}; the next weir up clears it, ${path} has more`);
    code = exitCodes.failed;
  } else say("stopped; nothing is left behind");
  // Engines and brokers may keep handles that would hold the process for a moment.
  process.exit(code);
}
