import type { Bus } from "./bus.ts";
import { carriers } from "./testing/carriers.ts";
import { assigning } from "./testing/contract/assigning.ts";
import { createBench } from "./testing/contract/bench.ts";
import { carries } from "./testing/contract/carries.ts";
import { handlers } from "./testing/contract/handlers.ts";
import { members } from "./testing/contract/members.ts";
import { positions } from "./testing/contract/positions.ts";
import { refusals } from "./testing/contract/refusals.ts";
import { tables } from "./testing/contract/tables.ts";

for (const carrier of carriers()) {
  if (carrier.missing !== undefined) {
    process.stderr.write(`skipped, the bus over ${carrier.name}: ${carrier.missing}\n`);
  }
  const onCarrier = carrier.missing === undefined ? describe : describe.skip;

  onCarrier(`the bus over ${carrier.name}`, () => {
    let bus: Bus;

    beforeAll(async () => {
      await carrier.start();
    }, 90_000);
    beforeEach(() => {
      bus = carrier.open();
    });
    afterEach(async () => {
      await bus.close();
    });
    afterAll(async () => {
      await carrier.stop();
    });

    const bench = createBench(() => bus);
    carries(bench);
    positions(bench);
    handlers(bench);
    members(bench);
    assigning(bench);
    tables(bench);
    refusals(bench);
  });
}
