import { expect, it } from "@jest/globals";
import { apiConfig } from "@weir/api";
import { enricherConfig, groupOf } from "@weir/enricher";

it("an API of its own process asks for the lag of the group that an enricher of its own joins", () => {
  expect(apiConfig.parse({}).flowsGroup).toBe(groupOf(enricherConfig.parse({}), "flows"));
});
