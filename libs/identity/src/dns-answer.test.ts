import { formatAddress, parseAddress } from "@weir/codec";
import { encode } from "dns-packet";
import type { Answer, Packet } from "dns-packet";
import { addressBytesOf, nameText, readDnsAnswer } from "./dns-answer.ts";

const a = (name: string, data: string, ttl = 300): Answer => ({ type: "A", name, ttl, data });
const aaaa = (name: string, data: string, ttl = 300): Answer => ({ type: "AAAA", name, ttl, data });
const cname = (name: string, data: string, ttl = 300): Answer => ({
  type: "CNAME",
  name,
  ttl,
  data,
});

function message(asked: string, answers: Answer[], more: Packet = {}): Buffer {
  const questions = [{ name: asked, type: "A" as const }];
  return encode({ type: "response", id: 1, questions, answers, ...more });
}

function read(bytes: Uint8Array): unknown {
  const answer = readDnsAnswer(bytes);
  if (typeof answer === "string") return answer;
  const { name, addresses } = answer;
  return [name, ...addresses.map((one) => `${formatAddress(one.address)} ${one.ttlSeconds}`)];
}

/** Small and seeded, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("what a DNS answer says", () => {
  it("the addresses of the name that was asked for, of both families", () => {
    const answers = [a("api.example", "198.51.100.1", 30), aaaa("api.example", "2001:db8::1")];
    expect(read(message("api.example", answers))).toEqual([
      "api.example",
      "198.51.100.1 30",
      "2001:db8::1 300",
    ]);
  });

  it("aliases lead back to the name that was asked for, with the shortest life on the way", () => {
    const answers = [
      cname("www.shop.example", "Shop.CDN.example", 600),
      cname("shop.cdn.example", "edge7.cdn.example", 20),
      a("EDGE7.cdn.example", "198.51.100.7", 900),
    ];
    expect(read(message("WWW.shop.example", answers))).toEqual([
      "www.shop.example",
      "198.51.100.7 20",
    ]);
    // In any order.
    expect(read(message("www.shop.example", answers.toReversed()))).toEqual([
      "www.shop.example",
      "198.51.100.7 20",
    ]);
  });

  it("nothing of names that were not asked for", () => {
    const strange = [a("bank.example", "198.51.100.66")];
    expect(read(message("api.example", strange))).toBe("void");
    expect(read(message("api.example", [a("api.example", "198.51.100.1"), ...strange]))).toEqual([
      "api.example",
      "198.51.100.1 300",
    ]);
    const additionals = [a("api.example", "198.51.100.66")];
    expect(read(message("api.example", [], { additionals }))).toBe("void");
  });

  it("aliases that go in a circle end", () => {
    const circle = [cname("one.example", "two.example"), cname("two.example", "one.example")];
    expect(read(message("one.example", circle))).toBe("void");
    const long = Array.from({ length: 40 }, (_, step) => cname(`n${step}`, `n${step + 1}`));
    expect(read(message("n0", [...long, a("n40", "198.51.100.1")]))).toBe("void");
    expect(read(message("n30", [...long, a("n40", "198.51.100.1")]))).toEqual([
      "n30",
      "198.51.100.1 300",
    ]);
  });

  it("at most 64 addresses of one answer", () => {
    const many = Array.from({ length: 80 }, (_, index) => a("many.example", `10.0.0.${index}`));
    const answer = readDnsAnswer(message("many.example", many));
    expect(typeof answer === "string" ? answer : [answer.addresses.length, answer.leftOut]).toEqual(
      [64, 16],
    );
  });

  it("no query, no error, no other operation, not two questions", () => {
    const answers = [a("api.example", "198.51.100.1")];
    const nxdomain = 3;
    const questions = ["api.example", "b.example"].map((name) => ({ name, type: "A" as const }));
    expect(read(message("api.example", answers, { type: "query" }))).toBe("void");
    expect(read(message("api.example", answers, { flags: nxdomain }))).toBe("void");
    expect(read(message("api.example", answers, { flags: 5 << 11 }))).toBe("void");
    expect(read(message("api.example", answers, { questions }))).toBe("void");
    expect(read(message("api.example", answers, { questions: [] }))).toBe("void");
  });
});

describe("the bytes of an address", () => {
  const next = random(11);
  /** With runs of zeros, at every place. */
  const some = (): Uint8Array => {
    const from = Math.floor(next() * 16);
    const until = from + Math.floor(next() * (17 - from));
    return Uint8Array.from({ length: 16 }, (_, at) =>
      at >= from && at < until ? 0 : Math.floor(next() * 256),
    );
  };

  it("are those of the strict parser, and those that were sent", () => {
    for (let round = 0; round < 500; round++) {
      const text = formatAddress(some());
      expect([text, addressBytesOf(text)]).toEqual([text, parseAddress(text)]);
      const family = text.includes(":") ? aaaa : a;
      expect(read(message("n.example", [family("n.example", text)]))).toEqual([
        "n.example",
        `${text} 300`,
      ]);
    }
  });

  it.each(["1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.undefined", "1:2:3", "1:2:3:4:5:6:7:8:9"])(
    "are not had from %s",
    (text) => expect(addressBytesOf(text)).toBeUndefined(),
  );

  it.each(["1:2:3:4::5:6:7:8", "::10000", "::x", "", "NaN"])("nor from %j", (text) =>
    expect(addressBytesOf(text)).toBeUndefined(),
  );
});

describe("a name as it is kept", () => {
  it.each([
    ["Api.EXAMPLE.", "api.example"],
    ["_http._tcp.example", "_http._tcp.example"],
    ["\u001b[31mred.example", "\\027\\09131mred.example"],
    ["<script>.example", "\\060script\\062.example"],
    ["=cmd|' /c calc'!a0", "\\061cmd\\124\\039\\032\\047c\\032calc\\039\\033a0"],
    ["a,b\r\nc.example", "a\\044b\\013\\010c.example"],
    ["münchen.example", "m\\195\\188nchen.example"],
    // The sign for kelvin becomes a k where letters of all alphabets are made small.
    ["\u212Aube.example", "\\226\\132\\170ube.example"],
  ])("%j is %s", (name, text) => expect(nameText(name)).toBe(text));

  it("none that is longer than DNS has them", () => {
    expect(nameText("a".repeat(253))).toHaveLength(253);
    expect(nameText("a".repeat(254))).toBeUndefined();
    expect(nameText("<".repeat(64))).toBeUndefined();
  });
});

describe("whatever the bytes are", () => {
  const good = message("www.shop.example", [
    cname("www.shop.example", "edge.example"),
    a("edge.example", "198.51.100.7"),
    aaaa("edge.example", "2001:db8::7"),
  ]);
  const plain = /^[a-z0-9._\\-]{1,253}$/;
  const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 2 ** 31);

  /** Never throws; what it gives is within its bounds and harmless. */
  const check = (bytes: Uint8Array): string => {
    const answer = readDnsAnswer(bytes);
    if (typeof answer === "string") return answer;
    expect(answer.name).toMatch(plain);
    expect(answer.addresses.length).toBeLessThanOrEqual(64);
    for (const { address, ttlSeconds } of answer.addresses) {
      expect(address).toHaveLength(16);
      expect(ttlSeconds).toBeGreaterThanOrEqual(0);
    }
    return "names";
  };

  it("cut off anywhere", () => {
    const results = Array.from(good, (_, length) => check(good.subarray(0, length)));
    expect(results.filter((one) => one === "names")).toEqual([]);
    expect(results.slice(12).every((one) => one === "malformed")).toBe(true);
  });

  it(`changed anywhere (WEIR_SEED=${seed})`, () => {
    const next = random(seed);
    const seen = { names: 0, void: 0, malformed: 0 };
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from(good);
      const changes = 1 + Math.floor(next() * 6);
      for (let change = 0; change < changes; change++)
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      seen[check(bytes) as keyof typeof seen]++;
    }
    // All three ways are gone.
    expect(Math.min(seen.names, seen.void, seen.malformed)).toBeGreaterThan(100);
  });

  it(`noise behind a good header (WEIR_SEED=${seed})`, () => {
    const next = random(seed + 1);
    for (let round = 0; round < 5000; round++) {
      const bytes = Uint8Array.from({ length: Math.floor(next() * 1472) }, () => next() * 256);
      bytes.set(good.subarray(0, Math.min(12, bytes.length)));
      check(bytes);
    }
  });

  it("names that point at themselves, at each other, and as far as they can", () => {
    const header = good.subarray(0, 12);
    for (const name of [
      [0xc0, 12],
      [0xc0, 14, 0xc0, 12],
      [0xc0, 0xff],
      [0xff, 0xff],
      [0x80, 1],
    ])
      expect(check(Uint8Array.from([...header, ...name, 0, 1, 0, 1]))).toBe("malformed");
  });
});
