import { collectorConfig } from "./config.ts";
import { planNotes, withoutNotes } from "./socket-notes.ts";

const config = collectorConfig.parse({ node: "n1" });
const hybrid = [
  "tmpfs /sys/fs/cgroup tmpfs rw 0 0",
  "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0",
  "cgroup2 /sys/fs/cgroup/uni\\040fied cgroup2 rw 0 0",
].join("\n");
const newKernel = Buffer.from("\0btf_trace_x\0btf_trace_sock_recv_length\0");
const machine = (mounts: string, types: Buffer) => ({ mounts: () => mounts, types: () => types });

describe("what is noted of sockets", () => {
  it("is all of it where the kernel tells who makes and who receives", () => {
    expect(planNotes(config, machine(hybrid, newKernel))).toEqual({
      programs: ["socket_made", "open_sockets", "socket_received"],
      cgroupPath: "/sys/fs/cgroup/uni fied",
      hooks: { process: "ok", process_accepted: "ok" },
    });
  });

  it("is who made it where nobody tells who receives, and says so", () => {
    const plan = planNotes(config, machine(hybrid, Buffer.from("\0btf_trace_sock_rcv\0")));
    expect(plan.programs).toEqual(["socket_made", "open_sockets"]);
    expect(plan.hooks["process"]).toBe("ok");
    expect(plan.hooks["process_accepted"]).toMatch(/^missing: .*Linux 6\.3.*listener/);
    const listener = collectorConfig.parse({ node: "n1", enrich: { process: "listener" } });
    const asked = planNotes(listener, machine(hybrid, newKernel));
    expect(asked.programs).toEqual(["socket_made", "open_sockets"]);
    expect(asked.hooks["process_accepted"]).toMatch(/^missing: .*says/);
  });

  it("is nothing without cgroup v2, when switched off, and where the kernel refuses", () => {
    const bare = planNotes(config, machine("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n", newKernel));
    expect(bare.programs).toEqual([]);
    expect(bare.hooks["process"]).toMatch(/^missing: no cgroup v2/);
    const off = collectorConfig.parse({ node: "n1", enrich: { process: "off" } });
    const plan = planNotes(off, machine(hybrid, newKernel));
    expect(plan.programs).toEqual([]);
    expect(plan.hooks["process"]).toBe("missing: not used, the configuration says off");
    const refused = withoutNotes(new Error("load object flow: EPERM\nand a long log"));
    expect(refused.programs).toEqual([]);
    expect(refused.hooks["process"]).toBe("missing: load object flow: EPERM");
  });
});
