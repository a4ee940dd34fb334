import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flowLayout, flowRecordBytes } from "@weir/codec";
import type { FlowProcess } from "@weir/codec";
import { containerOf, seesExecutables } from "./executable.ts";
import { createFlowProcesses } from "./flow-processes.ts";
import type { FlowProcesses, FlowProcessesOptions, KernelProcess } from "./flow-processes.ts";
import { ProcessTable } from "./process-table.ts";

const keyOf = (pid: number, ticks: number): bigint => (BigInt(ticks) << 22n) | BigInt(pid);
const at = flowLayout.process.offset;

function recordsOf(keys: bigint[]): Uint8Array {
  const records = new Uint8Array(keys.length * flowRecordBytes);
  const view = new DataView(records.buffer);
  keys.forEach((key, row) => view.setBigUint64(row * flowRecordBytes + at, key, true));
  return records;
}

/** The list, and each row's place in it. */
function listed(
  processes: FlowProcesses,
  keys: bigint[],
): { list: FlowProcess[]; places: number[] } {
  const records = recordsOf(keys);
  const list = processes.into(records, keys.length);
  const view = new DataView(records.buffer);
  const places = keys.map((_, row) => Number(view.getBigUint64(row * flowRecordBytes + at, true)));
  return { list, places };
}

describe("the processes of a block's flows", () => {
  const proc = mkdtempSync(join(tmpdir(), "weir-proc-"));
  const container = "0123456789abcdef".repeat(4);

  const live = (pid: number, ticks: number, name: string): void => {
    const folder = join(proc, String(pid));
    mkdirSync(folder, { recursive: true });
    // A name may hold what looks like the end of a name.
    const fields = Array.from({ length: 49 }, (_, index) => (index === 18 ? ticks : index + 1));
    writeFileSync(join(folder, "stat"), `${pid} (a) S) R ${fields.join(" ")}\n`);
    writeFileSync(join(folder, "cgroup"), `0::/kubepods/pod1/cri-containerd-${container}.scope\n`);
    symlinkSync(`/usr/bin/${name}`, join(folder, "exe"));
  };

  beforeAll(() => {
    writeFileSync(join(proc, "uptime"), "1000.00 2000.00\n");
    live(10, 5000, "nginx");
    live(11, 6000, "curl (deleted)");
    live(12, 7000, "other");
  });
  afterAll(() => rmSync(proc, { recursive: true }));

  const asked: bigint[] = [];
  const lookUp = (key: bigint): KernelProcess | undefined => {
    asked.push(key);
    const comm = Uint8Array.from(Buffer.from("worker\0\0rubbish\0"));
    return key === keyOf(99, 1) ? undefined : { cgroup_id: 42n, pid: 0, comm };
  };
  const open = (change: Partial<FlowProcessesOptions> = {}): FlowProcesses =>
    createFlowProcesses({ lookUp, maxProcesses: 100, maxReadsPerBlock: 50, proc, ...change });

  it("are listed once, with what the kernel and /proc say of them", () => {
    const processes = open();
    const bootUs = Date.now() * 1000 - 1000e6;
    const keys = [keyOf(10, 5000), 0n, keyOf(11, 6000), keyOf(10, 5000), keyOf(99, 1)];
    const { list, places } = listed(processes, keys);
    expect(places).toEqual([1, 0, 2, 1, 3]);
    expect(list).toEqual([
      {
        ...{ pid: 10, comm: "worker", cgroup_id: 42, executable: "/usr/bin/nginx", container },
        start: expect.closeTo(bootUs + 50e6, -6),
      },
      expect.objectContaining({ pid: 11, executable: "/usr/bin/curl" }),
      // Forgotten by the kernel, and gone.
      expect.objectContaining({ pid: 99, comm: "", executable: "", cgroup_id: 0, container: "" }),
    ]);
    expect(processes.counters).toEqual({ evicted: 0, gone: 1, skipped: 0 });
    asked.length = 0;
    expect(listed(processes, keys.toReversed()).places).toEqual([1, 2, 3, 0, 2]);
    // Neither the kernel nor /proc is asked again so soon.
    expect(asked).toEqual([]);
  });

  it("with an id that is another's by now has not that one's program", () => {
    const { list } = listed(open(), [keyOf(12, 6999)]);
    expect(list).toMatchObject([{ pid: 12, comm: "worker", executable: "" }]);
  });

  it("of which there are too many get their program from a later block", () => {
    const processes = open({ maxReadsPerBlock: 1 });
    const keys = [keyOf(10, 5000), keyOf(11, 6000), keyOf(11, 6000)];
    expect(listed(processes, keys).list.map((one) => one.executable)).toEqual([
      "/usr/bin/nginx",
      "",
    ]);
    expect(processes.counters.skipped).toBe(1);
    expect(listed(processes, keys).list.map((one) => one.executable)).toEqual([
      "/usr/bin/nginx",
      "/usr/bin/curl",
    ]);
  });

  it("may put another program in their place", () => {
    live(13, 8000, "sh");
    let nowMs = 1000;
    const processes = open({ nowMs: () => nowMs });
    const program = (): string | undefined =>
      listed(processes, [keyOf(13, 8000)]).list[0]?.executable;
    expect(program()).toBe("/usr/bin/sh");
    rmSync(join(proc, "13/exe"));
    symlinkSync("/usr/bin/curl", join(proc, "13/exe"));
    expect(program()).toBe("/usr/bin/sh");
    nowMs += 60_000;
    expect(program()).toBe("/usr/bin/curl");
    // Gone: what it was is what is known.
    rmSync(join(proc, "13"), { recursive: true });
    nowMs += 60_000;
    expect([program(), processes.counters.gone]).toEqual(["/usr/bin/curl", 0]);
  });

  it("have programs that only a capability may see", () => {
    mkdirSync(join(proc, "self"));
    const put = (effective: string): void =>
      writeFileSync(join(proc, "self/status"), `Name:\tx\nCapEff:\t${effective}\nCapBnd:\t0\n`);
    put("000001ffffffffff");
    expect(seesExecutables(proc)).toBe(true);
    put("000001fffff7ffff");
    expect(seesExecutables(proc)).toBe(false);
  });

  it("is this one, by the true /proc", () => {
    const ticks = Number(readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ")[19]);
    const { list } = listed(open({ proc: "/proc" }), [keyOf(process.pid, ticks)]);
    expect(list).toMatchObject([{ pid: process.pid, executable: process.execPath }]);
    const startedUs = Date.now() * 1000 - process.uptime() * 1e6;
    expect(Math.abs((list[0]?.start ?? 0) - startedUs)).toBeLessThan(2e6);
  });
});

describe("a container's id in a cgroup", () => {
  const id = "ab".repeat(32);
  it.each([
    [`0::/system.slice/docker-${id}.scope\n`, id],
    [`12:cpu:/docker/${id}\n0::/\n`, id],
    [`0::/kubepods.slice/kubepods-pod1.slice/crio-${id}.scope/container\n`, id],
    ["0::/user.slice/user-0.slice/session-1.scope\n", ""],
    [`0::/x${id}\n`, ""],
    ["", ""],
  ])("%j", (text, found) => expect(containerOf(text)).toBe(found));
});

describe("the table of processes", () => {
  it("keeps at most twice its half, and those that are asked for", () => {
    const table = new ProcessTable<string>(100);
    table.add(1, 1, "asked for");
    for (let key = 2; key < 5000; key++) {
      table.add(key, key % 3, `p${key}`);
      expect(table.find(key, key % 3)).toBe(`p${key}`);
      if (key % 50 === 0) expect(table.find(1, 1)).toBe("asked for");
    }
    expect(table.size).toBeLessThanOrEqual(200);
    expect(table.find(2, 2)).toBeUndefined();
    expect(table.find(1, 0)).toBeUndefined();
    expect(table.evicted + table.size).toBe(4999);
  });
});
