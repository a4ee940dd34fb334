import { describe, expect, it } from "@jest/globals";
import type { FlowLine } from "@weir/api";
import { createDisplay } from "./display.ts";

const flow = (more: Partial<FlowLine> = {}): FlowLine => ({
  time: "2026-01-01T10:20:30.123Z",
  node: "n1",
  direction: "egress",
  source: { ip: "10.0.0.1", port: 40_000, namespace: "shop", pod: "cart-0", workload: "cart" },
  destination: { ip: "10.0.0.2", port: 5432, namespace: "shop", pod: "database-0" },
  protocol: "TCP",
  packets: 5,
  bytes: 500,
  replyPackets: 4,
  replyBytes: 2048,
  verdict: "allowed",
  reason: "not-isolated",
  generation: 0,
  ...more,
});

function display(): { lines: string[]; show: ReturnType<typeof createDisplay> } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line.replaceAll(/ +/g, " "));
  const show = createDisplay({
    write,
    colour: false,
    gatherMs: 0,
    repeatMs: 10_000,
    maxEdges: 100,
  });
  return { lines, show };
}

/** Any time after the flows were added. */
const later = Date.now() + 3_600_000;

describe("the display", () => {
  it("tells of a connection once, though both ends saw it", () => {
    const { lines, show } = display();
    show.add(flow());
    show.add(flow({ direction: "ingress", node: "n2" }));
    show.flush(later);
    expect(lines).toEqual([
      "10:20:30 shop/cart-0 → shop/database-0:5432 TCP 500 B ↑ 2.0 KiB ↓ allowed",
    ]);
  });

  it("prefers the end that denied it, with the reason", () => {
    const { lines, show } = display();
    show.add(flow({ replyBytes: 0 }));
    show.add(flow({ direction: "ingress", verdict: "denied", reason: "shop/database" }));
    show.flush(later);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/denied shop\/database$/);
  });

  it("leaves out the responder's view of a pod that is watched, and takes it of a stranger", () => {
    const { lines, show } = display();
    show.add(flow({ direction: "ingress" }));
    show.flush(later);
    expect(lines).toEqual([]);
    show.add(flow({ direction: "ingress", source: { ip: "192.0.2.1", port: 1 } }));
    show.flush(later);
    expect(lines[0]).toContain("192.0.2.1 → shop/database-0:5432");
  });

  it("sums up the connections of an edge, and tells of it again only after a while", () => {
    const { lines, show } = display();
    for (let port = 1; port <= 12; port++) {
      show.add(flow({ source: { ...flow().source, port } }));
    }
    show.flush(later);
    expect(lines[0]).toContain(" ×12 5.9 KiB ↑");
    show.add(flow());
    show.flush(later + 1000);
    expect(lines).toHaveLength(1);
    show.add(flow({ source: { ...flow().source, port: 99 } }));
    show.flush(later + 10_000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(" ×2 ");
  });

  it("always tells of a denial", () => {
    const { lines, show } = display();
    for (let second = 0; second < 3; second++) {
      show.add(flow({ verdict: "denied", reason: "default-deny" }));
      show.flush(later + second * 1000);
    }
    expect(lines).toHaveLength(3);
  });

  it("prints no character that moves the cursor", () => {
    const { lines, show } = display();
    show.add(flow({ destination: { ip: "10.0.0.9", port: 80, name: "evil\u001B[2J.example" } }));
    show.flush(later);
    expect(lines[0]).toContain(String.raw`evil\x1b[2J.example:80`);
  });
});
