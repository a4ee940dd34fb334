import { Pace } from "./pace.ts";

async function until(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("the pace", () => {
  it("makes one run of many signals, and one more for those that came meanwhile", async () => {
    let runs = 0;
    let finish = (): void => {};
    const run = async (): Promise<boolean> => {
      runs += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return true;
    };
    const pace = new Pace({ settleMs: 0, minIntervalMs: 1, run });
    for (let count = 0; count < 100; count += 1) pace.signal();
    await until(() => runs === 1);
    for (let count = 0; count < 100; count += 1) pace.signal();
    finish();
    await until(() => runs === 2);
    finish();
    await pace.stop(1000);
    pace.signal();
    expect(runs).toBe(2);
  });

  it("runs again by itself what failed", async () => {
    let runs = 0;
    const pace = new Pace({
      settleMs: 0,
      minIntervalMs: 1,
      run: () => Promise.resolve((runs += 1) === 3),
    });
    pace.signal();
    await until(() => runs === 3);
    await pace.stop(1000);
    expect(runs).toBe(3);
  });
});
