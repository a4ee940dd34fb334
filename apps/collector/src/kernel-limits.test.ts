import { BpfError } from "libbpf-ts";
import { kernelTooOld } from "./kernel-limits.ts";

/** As Linux 5.10 says it. */
function refusedWith(words: string): BpfError {
  const log = `-- BEGIN PROG LOAD LOG --\n12: (db) r1 = xchg\n${words}\n-- END PROG LOAD LOG --\n`;
  return new BpfError("load object flow", 22, { log });
}

describe("a kernel that is too old", () => {
  it("is called so, with the version that would do", () => {
    const error = refusedWith("BPF_STX uses reserved fields");
    expect(kernelTooOld(error, "5.10.0-32-cloud-amd64")).toMatch(
      /^Linux 5\.10\.0-32-cloud-amd64 has no atomic exchange in eBPF.* Linux 5\.12 and newer/,
    );
  });

  it("is not what every other refusal is taken for", () => {
    expect(kernelTooOld(refusedWith("R1 invalid mem access 'scalar'"))).toBeUndefined();
    expect(kernelTooOld(new Error("BPF_STX uses reserved fields"))).toBeUndefined();
  });
});
