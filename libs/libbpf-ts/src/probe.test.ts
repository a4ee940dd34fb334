import { describe, expect, it } from "@jest/globals";
import { Namespace } from "../test/bed.ts";
import { probe } from "./probe.ts";

const mapLookupHelper = 1;
const overrideReturnHelper = 58;

describe("probe", () => {
  it("knows what this kernel has", () => {
    expect(probe.program("sched_cls")).toEqual({ ok: true });
    expect(probe.program("xdp")).toEqual({ ok: true });
    expect(probe.map("ringbuf")).toEqual({ ok: true });
    expect(probe.map("lpm_trie")).toEqual({ ok: true });
    expect(probe.helper("sched_cls", mapLookupHelper)).toEqual({ ok: true });
    expect(probe.btf()).toEqual({ ok: true });
    expect(probe.tcx()).toEqual({ ok: true });
  });

  it("says why something is not there", () => {
    expect(probe.helper("xdp", overrideReturnHelper)).toEqual({
      ok: false,
      reason: `this kernel has no helper ${overrideReturnHelper} in programs of type xdp, or this process may not use them`,
    });
    const nowhere = probe.tcx({ netns: "nonexistent" });
    expect(nowhere.ok ? "" : nowhere.reason).toContain("nonexistent cannot be entered");
  });

  it("enters the namespace it is asked about", () => {
    using namespace = new Namespace();
    expect(probe.tcx({ netns: namespace.name })).toEqual({ ok: true });
  });
});
