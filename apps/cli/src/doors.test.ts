import { describe, expect, it } from "@jest/globals";
import { kafkaOptions } from "./doors.ts";

describe("kafkaOptions", () => {
  it.each([
    ["kafka://127.0.0.1:9092", ["127.0.0.1:9092"]],
    ["kafka://a:1,b.example:2/", ["a:1", "b.example:2"]],
    ["kafka://[::1]:9092", ["[::1]:9092"]],
  ])("reads %s", (address, brokers) => {
    expect(kafkaOptions(address)).toEqual({ brokers, producer: "kafkajs" });
  });

  it.each(["kafkajs", "platformatic"])("reads who sends: %s", (producer) => {
    const brokers = ["a:1", "b:2"];
    expect(kafkaOptions(`kafka://a:1,b:2?producer=${producer}`)).toEqual({ brokers, producer });
    expect(kafkaOptions(`kafka://a:1,b:2/?producer=${producer}`)).toEqual({ brokers, producer });
  });

  it.each([
    "kafka",
    "kafka://",
    "kafka://host",
    "http://a:1",
    "kafka://a:1,",
    "memory:",
    "kafka://a:1?producer=x",
  ])("refuses %s with the forms there are", (address) => {
    expect(() => kafkaOptions(address)).toThrow(/give memory, or kafka:\/\/HOST:PORT/);
  });
});
