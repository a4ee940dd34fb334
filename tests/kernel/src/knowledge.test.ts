import { flowFlags } from "@weir/codec";
import { Datapath } from "./datapath.ts";
import type { Seen } from "./datapath.ts";
import { frame, icmp, protocol, tcp, tcpFlag, udp } from "./frame.ts";

const { syn, ack, fin, rst, psh } = tcpFlag;
const client = "10.1.0.1";
const server = "10.1.0.2";
/** Far above what a call takes, so that the wait shows in what is measured. */
const waitMs = 30;

function wait(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
}

const segment = (from: "client" | "server", flags: number, payload = 0): Uint8Array =>
  from === "client"
    ? frame({
        ...{ src: client, dst: server, protocol: protocol.tcp },
        payload: tcp(1000, 80, flags, payload),
      })
    : frame({
        ...{ src: server, dst: client, protocol: protocol.tcp },
        payload: tcp(80, 1000, flags, payload),
      });

type At = "initiator" | "responder";

/** One end's interface; each word is a packet that it sees. */
class End {
  readonly datapath = new Datapath();
  readonly #at: At;

  constructor(at: At) {
    this.#at = at;
  }

  say(from: "client" | "server", flags: number, payload = 0): this {
    const isLocal = (from === "client") === (this.#at === "initiator");
    const packet = segment(from, flags, payload);
    if (isLocal) this.datapath.from(packet);
    else this.datapath.to(packet);
    return this;
  }

  open(): this {
    return this.say("client", syn)
      .say("server", syn | ack)
      .say("client", ack);
  }

  [Symbol.dispose](): void {
    this.datapath[Symbol.dispose]();
  }
}

function only(records: Seen[]): Seen {
  expect(records).toHaveLength(1);
  return records[0] as Seen;
}

/** Runs it and returns how long that took, microseconds rounded up. */
function took(run: () => void): number {
  const before = process.hrtime.bigint();
  run();
  return Math.ceil(Number(process.hrtime.bigint() - before) / 1000);
}

describe("the handshake's round trip", () => {
  it.each<[At, number]>([
    ["initiator", 0],
    ["responder", 1],
  ])("is what the other end took, seen at the %s", (at, waitsBefore) => {
    using end = new End(at);
    const wholeUs = took(() => {
      end.say("client", syn);
      if (waitsBefore === 0) wait();
      end.say("server", syn | ack);
      if (waitsBefore === 1) wait();
      end.say("client", ack);
    });
    const { handshakeRttUs } = only(end.datapath.sweep());
    expect(handshakeRttUs).toBeGreaterThanOrEqual(waitMs * 1000);
    expect(handshakeRttUs).toBeLessThanOrEqual(wholeUs);
  });

  it("leaves out what this end took itself", () => {
    using end = new End("initiator");
    const otherUs = took(() => end.say("client", syn).say("server", syn | ack));
    wait();
    end.say("client", ack);
    const { handshakeRttUs } = only(end.datapath.sweep());
    expect(handshakeRttUs).toBeGreaterThan(0);
    expect(handshakeRttUs).toBeLessThanOrEqual(otherUs);
  });

  it("counts from the latest SYN where one was lost", () => {
    using end = new End("initiator");
    end.say("client", syn);
    wait();
    const secondUs = took(() => end.say("client", syn).say("server", syn | ack));
    expect(only(end.datapath.sweep()).handshakeRttUs).toBeLessThanOrEqual(secondUs);
  });

  it("is unknown while nothing was answered, and of a connection met in the middle", () => {
    using end = new End("initiator");
    end.say("client", syn);
    expect(only(end.datapath.sweep()).handshakeRttUs).toBe(0);
    using middle = new End("initiator");
    middle.say("client", ack, 10).say("server", ack, 10);
    expect(only(middle.datapath.sweep())).toMatchObject({
      ...{ handshakeRttUs: 0, firstByteUs: 0 },
      flags: flowFlags.initiatorGuessed | flowFlags.answered | flowFlags.beforeStart,
    });
  });
});

describe("the first byte", () => {
  it("is timed from the question to the answer, and stays", () => {
    using end = new End("initiator");
    end.open();
    wait();
    const wholeUs = took(() => {
      end.say("client", psh | ack, 10).say("server", ack);
      wait();
      // A long question goes on; an empty ACK answers nothing.
      end.say("client", psh | ack, 10).say("server", psh | ack, 100);
    });
    const { firstByteUs } = only(end.datapath.sweep());
    expect(firstByteUs).toBeGreaterThanOrEqual(waitMs * 1000);
    expect(firstByteUs).toBeLessThanOrEqual(wholeUs);
    end.say("client", ack, 10).say("server", ack, 10);
    expect(only(end.datapath.sweep({ flush: true })).firstByteUs).toBe(firstByteUs);
  });

  it("is unknown while nothing was answered, and where the server speaks first", () => {
    using end = new End("responder");
    end.open().say("client", psh | ack, 10);
    expect(only(end.datapath.sweep()).firstByteUs).toBe(0);
    using greeting = new End("responder");
    greeting
      .open()
      .say("server", psh | ack, 10)
      .say("client", psh | ack, 10)
      .say("server", ack, 10);
    expect(only(greeting.datapath.sweep()).firstByteUs).toBe(0);
  });

  it("is there for datagrams and for pings as well", () => {
    using datapath = new Datapath();
    const question = { src: client, dst: server, protocol: protocol.udp };
    const echo = { src: client, dst: server, protocol: protocol.icmp };
    datapath.from(frame({ ...question, payload: udp(1000, 53, 20) }));
    datapath.from(frame({ ...echo, payload: icmp(8, 0, 7) }));
    wait();
    const turned = { src: server, dst: client };
    datapath.to(frame({ ...question, ...turned, payload: udp(53, 1000, 90) }));
    datapath.to(frame({ ...echo, ...turned, payload: icmp(0, 0, 7) }));
    const records = datapath.sweep();
    expect(records).toHaveLength(2);
    for (const one of records) expect(one.firstByteUs).toBeGreaterThanOrEqual(waitMs * 1000);
  });
});

describe("why a connection is over", () => {
  const answered = (at: At = "initiator"): End => new End(at).open();
  const closing = ({ datapath }: End): string => only(datapath.edges()).closeReason;

  it("is FIN both ways, whoever begins", () => {
    using end = answered();
    end
      .say("server", fin | ack)
      .say("client", fin | ack)
      .say("server", ack);
    expect(closing(end)).toBe("fin");
  });

  it.each<At>(["initiator", "responder"])("is whose RST came, seen at the %s", (at) => {
    using bySource = answered(at);
    bySource.say("client", rst | ack);
    expect(closing(bySource)).toBe("reset_by_source");
    using byDestination = answered(at);
    byDestination.say("server", rst);
    expect(closing(byDestination)).toBe("reset_by_destination");
  });

  it("stays FIN where a RST follows both, and the first RST where both send one", () => {
    using end = answered();
    end
      .say("server", fin | ack)
      .say("client", fin | ack)
      .say("client", rst);
    expect(closing(end)).toBe("fin");
    using both = answered();
    both.say("server", rst);
    expect(closing(both)).toBe("reset_by_destination");
    both.say("client", rst);
    expect(only(both.datapath.sweep({ flush: true })).closeReason).toBe("reset_by_destination");
  });

  it("is refused where a RST answers the SYN, unreachable where ICMP does", () => {
    using refused = new End("initiator");
    refused.say("client", syn).say("server", rst | ack);
    expect(closing(refused)).toBe("refused");
    using datapath = new Datapath();
    const packet = frame({
      ...{ src: client, dst: server, protocol: protocol.udp },
      payload: udp(1000, 53, 20),
    });
    datapath.from(packet);
    datapath.to(
      frame({
        ...{ src: server, dst: client, protocol: protocol.icmp },
        payload: icmp(3, 3, 0, packet.slice(14)),
      }),
    );
    const flow = datapath.sweep().find((one) => one.protocol === protocol.udp);
    expect(flow?.closeReason).toBe("unreachable");
  });

  it("is none while it is open", () => {
    using end = answered();
    expect(only(end.datapath.sweep()).closeReason).toBe("none");
  });

  it("is a SYN that took its place", () => {
    using end = new End("responder");
    end.open().say("client", psh | ack, 10);
    end.say("server", syn);
    expect(closing(end)).toBe("replaced");
  });

  it("is idle after the timeout: TCP that was told already ends with a record without numbers", () => {
    using end = answered();
    only(end.datapath.sweep());
    end.datapath.set("tcp_established_timeout_ns", 1);
    wait();
    const last = only(end.datapath.expire());
    expect(last).toMatchObject({ kind: "idle", closeReason: "idle", packets: 0, connections: 0 });
    expect(end.datapath.expire()).toEqual([]);
  });

  it("is idle for datagrams too, without a record of its own", () => {
    using datapath = new Datapath();
    const packet = frame({
      ...{ src: client, dst: server, protocol: protocol.udp },
      payload: udp(1000, 53, 20),
    });
    datapath.set("udp_timeout_ns", 1);
    datapath.from(packet);
    wait();
    expect(only(datapath.expire())).toMatchObject({
      kind: "idle",
      closeReason: "idle",
      packets: 1,
    });
    datapath.set("udp_timeout_ns", 60_000);
    datapath.from(packet);
    only(datapath.sweep());
    datapath.set("udp_timeout_ns", 1);
    wait();
    expect(datapath.expire()).toEqual([]);
  });

  it("is that nobody watches any more where the interface is gone", () => {
    using end = answered();
    // No endpoint was ever written down: to a flush they are all gone.
    expect(only(end.datapath.sweep({ flush: true })).closeReason).toBe("unwatched");
  });
});
