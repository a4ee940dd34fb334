import { openEmbeddedStore } from "../embedded/embedded-store.ts";
import { startEmbeddedHttpDoor } from "../http-door/door.ts";
import { openServerStore } from "../server/server-store.ts";
import type { Store } from "../contract.ts";

/** The server's is the same engine behind our own door: no ClickHouse server can be installed here. */
const opening = {
  embedded: (directory: string): Promise<Store> => openEmbeddedStore({ directory }),
  async server(directory: string): Promise<Store> {
    const door = await startEmbeddedHttpDoor({ directory }, { listen: "127.0.0.1:0" });
    const store = await openServerStore({ url: door.url });
    const close = store.close.bind(store);
    store.close = async () => {
      await close();
      await door.close();
    };
    return store;
  },
};

let kind: keyof typeof opening = "embedded";

/** For the tests of this file that are imported after this. */
export function testOn(other: keyof typeof opening): void {
  kind = other;
}

/** The store that the tests of this file are about. */
export function openTestStore(directory: string): Promise<Store> {
  return opening[kind](directory);
}
