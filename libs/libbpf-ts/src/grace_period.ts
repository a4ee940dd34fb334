import { BpfMap } from "./map.ts";

/**
 * Resolves when every program that ran at the time of the call has ended (sleepable ones excepted):
 * what it had looked up before, nobody holds any more. Waits on another thread, 10 to 40 ms; calls
 * that come while one waits share the next wait.
 *
 * How: the kernel waits for a grace period after each change of a map of maps, and says that it is
 * for user space to rely on (maybe_wait_bpf_programs(), Linux 4.20). membarrier(GLOBAL) happens to
 * do the same, but promises barriers only: it returns at once on a machine with one CPU and fails on
 * kernels with nohz_full.
 */
export function waitForPrograms(): Promise<void> {
  if (running === undefined) return begin();
  following ??= running.then(begin, begin);
  return following;
}

let running: Promise<void> | undefined;
let following: Promise<void> | undefined;
let maps: { outer: BpfMap; inner: BpfMap } | undefined;

function begin(): Promise<void> {
  following = undefined;
  running = wait().finally(() => {
    if (following === undefined) running = undefined;
  });
  return running;
}

async function wait(): Promise<void> {
  maps ??= makeMaps();
  await maps.outer.setInnerAsync(0, maps.inner);
}

function makeMaps(): { outer: BpfMap; inner: BpfMap } {
  const shape = { keySize: 4, valueSize: 4, maxEntries: 1 };
  const inner = BpfMap.create({ ...shape, type: "array", name: "grace_inner" });
  const outer = BpfMap.create({ ...shape, type: "array_of_maps", name: "grace", like: inner });
  return { outer, inner };
}
