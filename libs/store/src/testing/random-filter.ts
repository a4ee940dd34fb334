import { BlockList, isIPv6 } from "node:net";
import type { FlowRow } from "@weir/query";

type Row = FlowRow & { src_kind: string; answered: boolean };

/** A filter as text, and the plain predicate that it stands for. */
export interface WrittenFilter {
  text: string;
  holds: (row: Row) => boolean;
}

interface Material {
  names: readonly string[];
  addresses: readonly string[];
  /** Microseconds since 1970. */
  now: number;
}

type Random = (below: number) => number;

/** A random filter, up to three deep. */
export function randomFilter(random: Random, material: Material, depth = 3): WrittenFilter {
  const kind = depth === 0 ? 9 : random(10);
  const inner = () => randomFilter(random, material, depth - 1);
  if (kind < 2) {
    const [a, b] = [inner(), inner()];
    return { text: `(${a.text}) and (${b.text})`, holds: (row) => a.holds(row) && b.holds(row) };
  }
  if (kind < 4) {
    const [a, b] = [inner(), inner()];
    return { text: `(${a.text}) or ${b.text}`, holds: (row) => a.holds(row) || b.holds(row) };
  }
  if (kind === 4) {
    const [a, b, c] = [inner(), inner(), inner()];
    return {
      // Without parentheses: "and" binds tighter than "or".
      text: `not (${a.text}) and (${b.text}) OR (${c.text})`,
      holds: (row) => (!a.holds(row) && b.holds(row)) || c.holds(row),
    };
  }
  return randomCondition(random, material);
}

function randomCondition(random: Random, material: Material): WrittenFilter {
  const makers = [
    textCondition,
    patternCondition,
    addressCondition,
    numberCondition,
    otherCondition,
  ];
  return (makers[random(makers.length)] as (typeof makers)[number])(random, material);
}

const quote = (value: string) => `"${value.replaceAll(/[\\"]/g, "\\$&")}"`;

function textCondition(random: Random, { names }: Material): WrittenFilter {
  const part = ["namespace", "workload", "pod", "name"][random(4)] as string;
  const sides = [["src"], ["dst"], ["src", "dst"]][random(3)] as string[];
  const name = sides.length === 2 ? part : `${sides[0]}.${part}`;
  const wanted = Array.from({ length: 1 + random(3) }, () => names[random(names.length)] as string);
  const has = (row: Row) =>
    sides.some((side) =>
      wanted.includes((row as unknown as Record<string, string>)[`${side}_${part}`] ?? ""),
    );
  const list = wanted.map((value) => quote(value)).join(", ");
  if (random(2) === 0) return { text: `${name} in (${list})`, holds: has };
  return { text: `${name} NOT IN (${list})`, holds: (row) => !has(row) };
}

function patternCondition(random: Random): WrittenFilter {
  const pattern = ["*", "?hop", "s*p", "*%*", "a_?", "*'*", "???", "*\\*", "*n", "shop*", ""][
    random(11)
  ] as string;
  // As a regular expression it is another implementation than both of those under test.
  const expression = new RegExp(
    `^${Array.from(pattern)
      .map((c) => (c === "*" ? "[^]*" : c === "?" ? "[^]" : c.replace(/[\\.+^${}()|[\]]/, "\\$&")))
      .join("")}$`,
    "u",
  );
  const holds = (row: Row) => expression.test(row.src_pod);
  if (random(2) === 0) return { text: `src.pod ~ ${quote(pattern)}`, holds };
  return { text: `src.pod !~ ${quote(pattern)}`, holds: (row) => !holds(row) };
}

function addressCondition(random: Random, { addresses }: Material): WrittenFilter {
  const address = addresses[random(addresses.length)] as string;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const network = new BlockList();
  const bits = random(family === "ipv6" ? 129 : 33);
  const exact = random(2) === 0;
  if (exact) network.addAddress(address, family);
  else network.addSubnet(address, bits, family);
  // Addresses are stored as IPv6, so ::/n of few bits holds every IPv4 address too.
  const has = (ip: string) => network.check(isIPv6(ip) ? ip : `::ffff:${ip}`, "ipv6");
  if (exact) return { text: `ip = ${address}`, holds: (row) => has(row.src_ip) || has(row.dst_ip) };
  return { text: `dst.ip in ${address}/${bits}`, holds: (row) => has(row.dst_ip) };
}

function numberCondition(random: Random): WrittenFilter {
  const wanted = random(5000);
  const compared: Record<string, (found: number) => boolean> = {
    "=": (found) => found === wanted,
    "!=": (found) => found !== wanted,
    "<": (found) => found < wanted,
    "<=": (found) => found <= wanted,
    ">": (found) => found > wanted,
    ">=": (found) => found >= wanted,
  };
  const operator = Object.keys(compared)[random(6)] as string;
  const holds = (row: Row) => (compared[operator] as (found: number) => boolean)(row.bytes);
  return { text: `bytes ${operator} ${wanted}`, holds };
}

function otherCondition(random: Random, { now }: Material): WrittenFilter {
  const seconds = random(600);
  const limit = now - seconds * 1_000_000;
  const micros = (row: Row) => Date.parse(row.time) * 1000 + Number(row.time.slice(-4, -1));
  const choices: WrittenFilter[] = [
    { text: "verdict = DENIED", holds: (row) => row.verdict === "denied" },
    { text: "direction != egress", holds: (row) => row.direction !== "egress" },
    { text: "protocol in (tcp, IcmpV6)", holds: (row) => /^(TCP|ICMPv6)$/.test(row.protocol) },
    { text: "protocol = 253", holds: (row) => row.protocol === "253" },
    { text: "answered", holds: (row) => row.answered },
    { text: "answered = false", holds: (row) => !row.answered },
    { text: "port in (80,443)", holds: (row) => [80, 443].includes(row.dst_port) },
    { text: "src.kind = pod", holds: (row) => row.src_kind === "pod" },
    { text: `time > ${seconds}s`, holds: (row) => micros(row) > limit },
    {
      text: `time <= ${quote(new Date(limit / 1000).toISOString())}`,
      holds: (row) => micros(row) <= limit,
    },
  ];
  return choices[random(choices.length)] as WrittenFilter;
}
