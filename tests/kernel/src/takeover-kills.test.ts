import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { collectorConfig, removeCollector } from "@weir/collector";
import { silentLog } from "@weir/runtime";
import { Link } from "libbpf-ts";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { CollectorProcess } from "./collector-process.ts";
import { openPort, shutPort } from "./server-policy.ts";
import type { Received, Sent } from "./steady.ts";
import { PodProcess } from "./traffic.ts";

/** Of each hook; `npm run kills` asks for 50 and 10. */
const kills = Number(process.env["WEIR_KILLS"] ?? 2);
const replacements = Number(process.env["WEIR_REPLACEMENTS"] ?? 1);
/** Every second kill comes at some moment of the start, the others within this time after it. */
const longestLifeMs = 300;

describe.each(["tcx", "clsact"] as const)("a node that enforces through %s", (hook) => {
  let bed: Bed;
  let receiver: PodProcess;
  let sender: PodProcess;
  let startMs: number;
  let options: { hook: typeof hook; pods: BedPod[] };

  beforeAll(async () => {
    bed = await Bed.make(2);
    bed.announce(...bed.pods);
    options = { hook, pods: bed.pods };
    const [client, server] = bed.pods as [BedPod, BedPod];
    const began = performance.now();
    const first = await CollectorProcess.start(bed, options);
    startMs = performance.now() - began;
    await first.kill();
    const ports = [openPort, shutPort].map(String);
    receiver = new PodProcess(server, "steady", "receive", ...ports);
    await receiver.line();
    sender = new PodProcess(client, "steady", "send", server.v4, server.v6, ...ports);
    await sender.line();
  }, 60_000);

  afterAll(async () => {
    await sender?.close();
    await receiver?.close();
    const { node, runDirectory, pins: pinDirectory } = bed;
    await removeCollector(collectorConfig.parse({ node, runDirectory, pinDirectory }), silentLog());
    await bed.close();
  });

  async function programs(): Promise<string> {
    if (hook === "tcx") {
      const folder = join(bed.pins, "links");
      const ids = readdirSync(folder).map((name) => {
        using link = Link.openPinned(join(folder, name));
        return link.info().programId;
      });
      return ids.join();
    }
    const [, server] = bed.pods as [BedPod, BedPod];
    const where = ["tc", "filter", "show", "dev", server.interface, "egress"];
    const { stdout } = await bed.inNode(...where);
    return /\bid \d+/.exec(stdout)?.[0] ?? stdout;
  }

  it(
    `lets no denied packet pass and breaks no allowed connection, in ${kills} kills at any moment`,
    async () => {
      const moments: Record<string, number> = {};
      for (let kill = 0; kill < kills; kill++) {
        const child = new CollectorProcess(bed, options);
        if (kill % 2 === 1) await child.watching();
        await pause((kill % 2 === 1 ? longestLifeMs : startMs) * Math.random());
        await child.kill();
        const moment = child.said === "watching" ? "while it changed policy" : "while it started";
        moments[moment] = (moments[moment] ?? 0) + 1;
        expect(await receiver.counts<Received>()).toEqual({ shutConnections: 0, shutDatagrams: 0 });
      }
      tell(`${hook}: killed ${JSON.stringify(moments)}`);
    },
    60_000 + kills * 5000,
  );

  it(
    `neither in ${replacements} replacements of the programs`,
    async () => {
      const seen = new Set([await programs()]);
      for (let replacement = 0; replacement < replacements; replacement++) {
        const child = await CollectorProcess.start(bed, options);
        seen.add(await programs());
        await child.kill();
      }
      expect(seen.size).toBe(replacements + 1);
      const received = await receiver.counts<Received>("stop");
      const sent = await sender.counts<Sent>("stop");
      tell(`${hook}: ${JSON.stringify({ ...received, ...sent })}`);
      expect(received).toEqual({ shutConnections: 0, shutDatagrams: 0 });
      expect(sent).toMatchObject({ broken: 0, connected: 0, echoed: sent.bytes });
      expect(sent.answered).toBe(sent.opened);
      expect(sent.triedConnections).toBeGreaterThan(kills + replacements);
    },
    60_000 + replacements * 10_000,
  );
});

function tell(text: string): void {
  if (process.env["WEIR_KILLS"] !== undefined) process.stdout.write(`${text}\n`);
}
