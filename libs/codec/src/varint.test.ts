import avro from "avsc";
import { maxLong, maxLongBytes, minLong, writeLong } from "./varint.ts";

const avroLong = avro.Type.forSchema("long");

describe("zigzag numbers", () => {
  const powers = Array.from({ length: 53 }, (_, bit) => 2 ** bit);
  const edges = [0, ...powers.flatMap((power) => [power - 1, power, power + 1])];
  const values = [...edges, ...edges.map((value) => -value), maxLong, minLong].filter(
    (value) => value >= minLong && value <= maxLong,
  );

  it("are avsc's, at every power of two and beside it", () => {
    expect(values.length).toBeGreaterThan(300);
    for (const value of values) {
      const out = new Uint8Array(maxLongBytes);
      const length = writeLong(out, 0, value);
      expect(Buffer.from(out.subarray(0, length)).toString("hex")).toBe(
        avroLong.toBuffer(value).toString("hex"),
      );
    }
  });
});
