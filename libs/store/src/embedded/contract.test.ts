import { storeContract } from "../testing/store-contract.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openEmbeddedStore } from "./embedded-store.ts";

storeContract("embedded", async () => {
  const folder = await temporaryDirectory();
  const store = await openEmbeddedStore({ directory: folder.path });
  return {
    store,
    stop: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
