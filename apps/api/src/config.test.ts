import { describe, expect, it } from "@jest/globals";
import { unboundedFields } from "@weir/runtime";
import { apiConfig } from "./config.ts";

describe("the API's settings", () => {
  it("have a bound and a word for each", () => expect(unboundedFields(apiConfig)).toEqual([]));
});
