import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerMissing, startBroker } from "./broker.ts";

const missing = brokerMissing();
if (missing !== undefined) process.stderr.write(`skipped, no Kafka broker: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

function accepts(address: string): Promise<boolean> {
  const [host, port] = address.split(":") as [string, string];
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`);

onBroker("a broker", () => {
  it("comes back on its address after kill -9 and leaves nothing when it is stopped", async () => {
    const directory = await mkdtemp(join(tmpdir(), "weir-kafka-test-"));
    try {
      const first = await startBroker({ directory });
      expect(first.address).toMatch(/^127\.0\.0\.1:\d+$/);
      await first.kill();
      expect(alive(first.pid)).toBe(false);
      await using second = await startBroker({ directory });
      expect(second.address).toBe(first.address);
      expect(await accepts(second.address)).toBe(true);
      await second.stop();
      expect(alive(second.pid)).toBe(false);
      expect(existsSync(directory)).toBe(true);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 120_000);

  it("removes its temporary directory", async () => {
    const broker = await startBroker();
    expect(existsSync(broker.directory)).toBe(true);
    await broker.stop();
    expect(existsSync(broker.directory)).toBe(false);
    expect(await accepts(broker.address)).toBe(false);
  }, 120_000);

  it("is not started twice on one directory", async () => {
    const broker = await startBroker();
    try {
      await expect(startBroker({ directory: broker.directory })).rejects.toThrow(
        /runs on .* already/,
      );
    } finally {
      await broker.stop();
    }
  }, 120_000);

  it("says what its log says when it cannot start", async () => {
    const directory = await mkdtemp(join(tmpdir(), "weir-kafka-test-"));
    try {
      await writeFile(join(directory, "ports.json"), '{"clients":1,"controller":2}');
      await writeFile(join(directory, "server.properties"), "process.roles=nonsense\n");
      await expect(startBroker({ directory })).rejects.toThrow(/its log ends:\n.*process\.roles/s);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 120_000);
});
