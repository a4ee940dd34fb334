import { testOn } from "../testing/engine.ts";

// The same tests over HTTP: a server is asked what the embedded engine is.
testOn("server");
await import("../testing/filter.test.ts");
