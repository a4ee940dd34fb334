import { startEmbeddedHttpDoor } from "../http-door/door.ts";
import { storeContract } from "../testing/store-contract.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openServerStore } from "./server-store.ts";

// No ClickHouse server can be installed here: its stand-in is the same engine behind our own door.
storeContract("server (the embedded engine behind its HTTP door)", async () => {
  const folder = await temporaryDirectory();
  const door = await startEmbeddedHttpDoor(
    { directory: folder.path, maxConcurrentQueries: 2 },
    { listen: "127.0.0.1:0", user: "weir", password: "p'ässword" },
  );
  const store = await openServerStore({ url: door.url, user: "weir", password: "p'ässword" });
  return {
    store,
    stop: async () => {
      await store.close();
      await door.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
