import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { createKafkaBus, topics } from "@weir/bus";
import { brokerMissing, startBroker } from "@weir/kafka";

const missing = brokerMissing();
if (missing !== undefined) process.stderr.write(`skipped, no Kafka broker: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

interface Holder {
  process: ChildProcessByStdio<Writable, Readable, null>;
  lines: Interface;
}

const holders: Holder[] = [];
afterEach(() => {
  for (const { process } of holders.splice(0)) process.kill("SIGKILL");
});

function start(broker: string, staleMs: number): Holder {
  const script = new URL("testing/holder.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, broker, String(staleMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const holder = { process: child, lines: createInterface({ input: child.stdout }) };
  holders.push(holder);
  return holder;
}

async function line(holder: Holder): Promise<string> {
  const [text] = (await once(holder.lines, "line")) as [string];
  return text;
}

function check(holder: Holder): Promise<string> {
  const answer = line(holder);
  holder.process.stdin.write("\n");
  return answer;
}

async function isWaiting(holding: Promise<string>): Promise<boolean> {
  return Promise.race([holding.then(() => false), sleep(1500, true)]);
}

onBroker("controllers of their own processes, on a broker", () => {
  it("take over from one that was killed, and from one that is silent, which then publishes nothing", async () => {
    await using broker = await startBroker();
    await using bus = createKafkaBus({ brokers: [broker.address] });
    await bus.ensureTopics(Object.values(topics));

    // So long may a claim be silent here that only a death lets another one in.
    const killed = start(broker.address, 600_000);
    expect(await line(killed)).toBe("holds");
    const heir = start(broker.address, 600_000);
    const heirHolds = line(heir);
    expect(await isWaiting(heirHolds)).toBe(true);
    killed.process.kill("SIGKILL");
    expect(await heirHolds).toBe("holds");
    expect(await check(heir)).toBe("may publish");
    heir.process.kill("SIGKILL");

    const stopped = start(broker.address, 3000);
    expect(await line(stopped)).toBe("holds");
    const follower = start(broker.address, 3000);
    const followerHolds = line(follower);
    expect(await isWaiting(followerHolds)).toBe(true);
    stopped.process.kill("SIGSTOP");
    expect(await followerHolds).toBe("holds");
    stopped.process.kill("SIGCONT");
    const refusal = /could not be renewed in time|has taken over/;
    let said = await check(stopped);
    expect(said).toMatch(refusal);
    while (!said.includes("has taken over")) {
      await sleep(100);
      said = await check(stopped);
      expect(said).toMatch(refusal);
    }
    expect(await check(follower)).toBe("may publish");
  }, 90_000);
});
