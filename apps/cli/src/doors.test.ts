import { describe, expect, it } from "@jest/globals";
import { kafkaBrokers } from "./doors.ts";

describe("kafkaBrokers", () => {
  it.each([
    ["kafka://127.0.0.1:9092", ["127.0.0.1:9092"]],
    ["kafka://a:1,b.example:2/", ["a:1", "b.example:2"]],
    ["kafka://[::1]:9092", ["[::1]:9092"]],
  ])("reads %s", (address, brokers) => {
    expect(kafkaBrokers(address)).toEqual(brokers);
  });

  it.each(["kafka", "kafka://", "kafka://host", "http://a:1", "kafka://a:1,", "memory:"])(
    "refuses %s with the forms there are",
    (address) => {
      expect(() => kafkaBrokers(address)).toThrow(/give memory, or kafka:\/\/HOST:PORT/);
    },
  );
});
