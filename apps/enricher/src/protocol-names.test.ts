import { describe, expect, it } from "@jest/globals";
import * as identity from "@weir/identity";
import * as store from "@weir/store";

describe("the names of protocols", () => {
  it("are the same in rows and in the live tail", () => {
    for (let protocol = 0; protocol < 256; protocol++) {
      expect(identity.protocolName(protocol)).toBe(store.protocolName(protocol));
    }
  });
});
