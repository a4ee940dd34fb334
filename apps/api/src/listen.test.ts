import { describe, expect, it } from "@jest/globals";
import { parseListen } from "./listen.ts";

describe("parseListen", () => {
  it.each([
    ["7780", "127.0.0.1", 7780, true],
    ["127.0.0.1:7780", "127.0.0.1", 7780, true],
    ["127.9.9.9:1", "127.9.9.9", 1, true],
    ["localhost:0", "localhost", 0, true],
    ["[::1]:7780", "::1", 7780, true],
    ["0.0.0.0:80", "0.0.0.0", 80, false],
    [":80", "0.0.0.0", 80, false],
    ["[::]:80", "::", 80, false],
    ["10.0.0.1:80", "10.0.0.1", 80, false],
    ["127.example.org:80", "127.example.org", 80, false],
  ])("reads %s", (text, host, port, loopback) => {
    expect(parseListen(text)).toEqual({ host, port, loopback });
  });

  it.each(["", "host", "127.0.0.1:", "1.2.3.4:99999", "a:b:1", "127.0.0.1:-1"])(
    "refuses %j with an example",
    (text) => {
      expect(() => parseListen(text)).toThrow(/give one like 127\.0\.0\.1:7780/);
    },
  );
});
