import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { labDown } from "./lab-down.ts";
import { labList } from "./lab-list.ts";
import { labProbe } from "./lab-probe.ts";
import { labUp } from "./lab-up.ts";
import { shopManifests } from "./shop.ts";
import { testLab, tracesOf, whyNoLab } from "./testing/test-lab.ts";

const why = whyNoLab();
const at = testLab("kill");
const options = { ...at, manifests: [shopManifests], nodes: 2, startAfterMs: 600_000 };

/** Runs `labUp` in a process of its own and kills it so long after it has said the n-th step. */
async function upKilledAt(step: number, afterMs: number): Promise<number> {
  const module = fileURLToPath(new URL("lab-up.ts", import.meta.url));
  const script = `import { labUp } from ${JSON.stringify(module)};
    await labUp({ ...${JSON.stringify(options)}, onProgress: (text) => console.log(text) });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let lines = 0;
  child.stdout.on("data", (text) => {
    lines += String(text).split("\n").length - 1;
    if (lines >= step) setTimeout(() => child.kill("SIGKILL"), afterMs);
  });
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  return lines;
}

(why === "" ? describe : describe.skip)(`an interrupted up${why}`, () => {
  afterAll(async () => {
    await labDown(at);
  });

  // The steps: the nodes, the pods' namespaces, the processes; early and late in each.
  it.each([
    [1, 5],
    [2, 0],
    [2, 40],
    [3, 0],
    [3, 60],
  ])("killed at step %d after %d ms is cleared away by down", async (step, afterMs) => {
    await upKilledAt(step, afterMs);
    expect(labList(at)).toMatchObject([{ state: "broken" }]);
    expect(await labDown(at)).toBe(true);
    expect(tracesOf(at)).toEqual([]);
  });

  it("is cleared away by the next up, which then works", async () => {
    await upKilledAt(3, 60);
    const steps: string[] = [];
    const { changed } = await labUp({ ...options, onProgress: (text) => steps.push(text) });
    expect(changed).toBe(true);
    expect(steps[0]).toMatch(/removing what is left/);
    const { lines } = await labProbe(at);
    expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
    await labDown(at);
    expect(tracesOf(at)).toEqual([]);
  });

  it("that fails by itself leaves nothing and says what is wrong", async () => {
    const twice = `${at.runDirectory}.yaml`;
    const pod = (name: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec: { hostNetwork: true, containers: [{ name: c, image: x, ports: [{ containerPort: 9000 }] }] }
`;
    writeFileSync(twice, `${pod("one")}---\n${pod("two")}`);
    await expect(labUp({ ...options, nodes: 1, manifests: [twice] })).rejects.toThrow(/EADDRINUSE/);
    rmSync(twice);
    expect(tracesOf(at)).toEqual([]);
  });
});
