import {
  concat,
  ethernet,
  fragmentExtension,
  icmp,
  ipv4,
  ipv6,
  protocol,
  sctp,
  tcp,
  udp,
} from "./frame.ts";

/**
 * A pod and its peers. Where a device has no Ethernet header the kernel looks for the packet's type
 * at bytes 12 and 13 all the same (BPF_PROG_TEST_RUN): these addresses have it there.
 */
export const addresses = {
  local4: "8.0.0.1",
  local6: "fd00:0:86dd::1",
  peers4: ["8.0.0.2", "8.0.0.3", "8.0.0.9"],
  peers6: ["fd00:0:86dd::2", "fd00:0:86dd::3", "fd00:0:86dd::9"],
} as const;

/** Numbers from a seed: the same seed gives the same packets. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

const ports = [0, 22, 53, 80, 81, 1000, 65_535];

function transport(dice: Dice, isV6: boolean): [protocol: number, payload: Uint8Array] {
  const [from, to] = [dice.one(ports), dice.one(ports)];
  switch (dice.below(6)) {
    case 0:
    case 1:
      return [protocol.tcp, tcp(from, to, dice.below(64), dice.below(40), 4 * dice.below(6))];
    case 2:
      return [protocol.udp, udp(from, to, dice.below(40))];
    case 3:
      return [protocol.sctp, sctp(from, to, dice.below(40))];
    case 4: {
      const quoted = Uint8Array.from({ length: dice.below(60) }, () => dice.below(256));
      const type = dice.one([0, 1, 3, 8, 11, 12, 13, 42, 128, 129, 133, 136, 143, 200]);
      const kind = isV6 === dice.chance(90) ? protocol.icmpv6 : protocol.icmp;
      return [kind, icmp(type, dice.below(5), dice.one([0, 7, 500]), quoted)];
    }
    default:
      return [dice.one([47, 50, 59, 89, 253]), new Uint8Array(dice.below(40))];
  }
}

function extensionChain(dice: Dice): [number, number[]][] {
  return Array.from({ length: dice.one([0, 0, 1, 2, 3, 7, 8, 9]) }, (): [number, number[]] => {
    const kind = dice.one([0, 43, 44, 51, 60]);
    if (kind === 44) return fragmentExtension(7, 8 * dice.one([0, 0, 1, 60]), dice.chance(50));
    const units = dice.one([0, 0, 1, 3]);
    const bytes = kind === 51 ? (units + 2) * 4 : (units + 1) * 8;
    return [kind, [0, units, ...Array<number>(bytes - 2).fill(0)]];
  });
}

/** A packet from or to the pod as a sane or a sly sender makes it. */
export function craft(dice: Dice, fromLocal: boolean): Uint8Array {
  const isV6 = dice.chance(50);
  const local = isV6 ? addresses.local6 : addresses.local4;
  const peer = dice.one(isV6 ? addresses.peers6 : addresses.peers4);
  const [src, dst] = fromLocal ? [local, peer] : [peer, local];
  const [kind, payload] = transport(dice, isV6);
  const ip = { src, dst, protocol: kind, payload };
  const isFragment = dice.chance(20);
  const packet = isV6
    ? ipv6(ip, dice.chance(60) ? [] : extensionChain(dice))
    : ipv4({
        ...ip,
        id: 7,
        options: Array<number>(4 * dice.one([0, 0, 0, 1, 10])).fill(1),
        ...(isFragment
          ? { fragmentOffset: 8 * dice.one([0, 0, 1, 60]), moreFragments: dice.chance(60) }
          : {}),
      });
  return packet;
}

/** Breaks it: bits, bytes, words, its end. */
export function mutate(dice: Dice, packet: Uint8Array): Uint8Array {
  const broken = Uint8Array.from(packet);
  for (let times = dice.one([0, 1, 1, 2, 4]); times > 0; times--) {
    const at = dice.below(Math.min(broken.length, 90));
    switch (dice.below(3)) {
      case 0:
        broken[at] = (broken[at] ?? 0) ^ (1 << dice.below(8));
        break;
      case 1:
        broken[at] = dice.one([0, 1, 4, 5, 6, 0x45, 0x60, 0x7f, 0x80, 0xff]);
        break;
      default:
        broken.fill(dice.below(256), at, at + 2);
    }
  }
  if (dice.chance(20)) return broken.subarray(0, dice.below(broken.length + 1));
  return dice.chance(10) ? concat(broken, new Uint8Array(dice.below(30))) : broken;
}

/** In Ethernet, under up to three tags, now and then as something else than it is. */
export function inFrame(dice: Dice, packet: Uint8Array): Uint8Array {
  const version = (packet[0] ?? 0) >> 4;
  const type = dice.chance(5)
    ? dice.one([0x0800, 0x86dd, 0x0806, 0x8100])
    : version === 6
      ? 0x86dd
      : 0x0800;
  const tags = Array.from({ length: dice.one([0, 0, 0, 0, 1, 2, 3]) }, () => dice.below(4096));
  const frame = ethernet(type, packet, tags);
  return dice.chance(5) ? frame.subarray(0, 15 + dice.below(frame.length - 14)) : frame;
}
