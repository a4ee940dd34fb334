import { readFileSync } from "node:fs";
import type { Bus, Spool } from "@weir/bus";
import { CollectorSign } from "@weir/identity";
import type { Log } from "@weir/runtime";
import { probe } from "libbpf-ts";
import { createAttachments } from "./attachments.ts";
import type { Attachments } from "./attachments.ts";
import { openBlockKnowledge } from "./block-knowledge.ts";
import type { BlockKnowledge } from "./block-knowledge.ts";
import { createBlockSender } from "./block-sender.ts";
import type { BlockSender } from "./block-sender.ts";
import { createBlockClock } from "./clock.ts";
import type { CollectorConfig } from "./config.ts";
import type { Datapath } from "./datapath.ts";
import { createFlowReader } from "./flow-reader.ts";
import type { FlowReader } from "./flow-reader.ts";
import type { HookKind } from "./hook.ts";
import { Journal } from "./journal.ts";
import { layoutIdOf } from "./layout.ts";
import { firstNumber } from "./node-spool.ts";
import { odometerMapsOf } from "./odometer-maps.ts";
import { createOdometers } from "./odometers.ts";
import type { Odometers } from "./odometers.ts";
import { policyMapsOf } from "./policy-maps.ts";
import { createPolicyWriter } from "./policy-writer.ts";
import type { PolicyWriter } from "./policy-writer.ts";
import { createRedirects } from "./redirects.ts";
import type { Redirects } from "./redirects.ts";
import { createRuleTexts } from "./rule-texts.ts";
import type { RuleTexts } from "./rule-texts.ts";
import { switchedOff } from "./socket-notes.ts";

/** Bound of a node's interfaces: ENDPOINTS_MAX of bpf/maps.h. */
const endpointsMax = 4096;

/** What one collector is made of, while it runs. */
export interface Parts {
  config: CollectorConfig;
  bootId: string;
  hook: HookKind;
  hooks: Record<string, string>;
  datapath: Datapath;
  policy: PolicyWriter;
  texts: RuleTexts;
  knowledge: BlockKnowledge;
  /** Undefined where no disk gave one. */
  spool: Spool | undefined;
  journal: Journal;
  sender: BlockSender;
  reader: FlowReader;
  attachments: Attachments;
  odometers: Odometers;
  redirects: Redirects;
  /** Why the newest policy is not in force. */
  policyError: string | null;
}

/**
 * Makes all of it on the loaded programs, attached to nothing yet. What is to be closed goes onto
 * `opening`.
 */
export function openParts(
  config: CollectorConfig,
  doors: { bus: Bus; spool: Spool | undefined; datapath: Datapath },
  log: Log,
  opening: DisposableStack,
): Parts {
  const { bus, spool, datapath } = doors;
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const hooks = describeHooks(config);
  const hook: HookKind = hooks["tcx"] === "ok" && config.hook !== "clsact" ? "tcx" : "clsact";
  const policy = openPolicyWriter(config, datapath, log);
  opening.defer(() => policy.close());
  const texts = createRuleTexts(config.policyGenerationsKept);
  const journal = openJournal(datapath, spool, bootId);
  const knowledge = opening.use(openBlockKnowledge(config, datapath));
  const clock = createBlockClock(config.clockSyncIntervalMs, log);
  const sender = createBlockSender({
    ...{ bus, log, bootId, journal, spool },
    node: config.node,
    maxSendBytes: config.maxSendBytes,
    sendIntervalMs: config.sendIntervalMs,
    clock,
    rulesOf: (records, count) => texts.of(records, count),
    knowledge,
  });
  const reader = opening.use(createFlowReader({ datapath, sender, journal }));
  const odometerMaps = odometerMapsOf(datapath);
  const odometers = createOdometers(odometerMaps);
  const redirects = createRedirects(
    datapath,
    config.redirectToPeer === "auto" && datapath.programFile.isComplete,
  );
  const attachments = createAttachments({
    ...{ datapath, policy, odometers: odometerMaps, redirects, hook, log },
    modeLimit: config.modeLimit,
    sign: new CollectorSign(config.runDirectory, config.node),
    onGone: (gone, isWanted) => odometers.retire(gone, isWanted),
  });
  return {
    ...{ config, bootId, hook, datapath, sender, reader, attachments, odometers },
    ...{ policy, texts, knowledge, redirects, spool, journal },
    hooks: { ...hooks, ...knowledge.hooks },
    policyError: null,
  };
}

function openJournal(datapath: Datapath, spool: Spool | undefined, bootId: string): Journal {
  const journal = new Journal(datapath.map("journal").memory());
  const blocks = datapath.map("blocks").typed<number, bigint>();
  const last = Number(blocks.get(0) ?? 0n);
  journal.begin(firstNumber(spool, bootId, last, process.hrtime.bigint()), spool?.counters);
  return journal;
}

function openPolicyWriter(config: CollectorConfig, datapath: Datapath, log: Log): PolicyWriter {
  return createPolicyWriter({
    maps: policyMapsOf(datapath.object, datapath.pins.maps(layoutIdOf(datapath.object.btf))),
    room: {
      identities: config.policyIdentitiesMax,
      rules: config.policyRulesMax,
      endpoint_policies: endpointsMax,
    },
    onTrouble: (error, what) => log.error({ error }, what),
  });
}

function describeHooks(config: CollectorConfig): Record<string, string> {
  const tcx = probe.tcx();
  const btf = probe.btf();
  const hooks: Record<string, string> = {
    tcx: tcx.ok ? "ok" : `missing: ${tcx.reason}; clsact is used`,
    redirect_peer:
      config.redirectToPeer === "auto" ? "ok" : "missing: not used, the configuration says off",
    btf: btf.ok ? "ok" : `missing: ${btf.reason}`,
    timing: config.enrich.timing === "auto" ? "ok" : switchedOff,
    socket: config.enrich.socket === "auto" ? "ok" : switchedOff,
  };
  if (config.hook === "tcx" && !tcx.ok)
    throw new Error(`hook: tcx is asked for, but ${tcx.reason}`);
  if (config.hook === "clsact") hooks["tcx"] = "missing: not used, the configuration says clsact";
  return hooks;
}
