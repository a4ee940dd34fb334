import type { PolicySet } from "@weir/codec";
import { parseAddress } from "@weir/codec";
import type { PolicyWriter } from "@weir/collector";
import { PolicyBed, endpoints, expectedDump, expectedVerdict, questionsOf } from "./policy-bed.ts";
import { PolicyWorld } from "./policy-world.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);
const worlds = Number(process.env["WEIR_WORLDS"] ?? 4);
const editsPerWorld = 12;

describe(`what the kernel holds (WEIR_SEED=${seed})`, () => {
  let bed: PolicyBed;
  let writer: PolicyWriter;
  let world: PolicyWorld;

  beforeAll(() => (bed = new PolicyBed()), 30_000);
  afterAll(() => bed[Symbol.dispose]());
  beforeEach(async () => {
    bed.forget();
    writer = bed.writer();
    world = new PolicyWorld({ seed });
    writer.replace(world.set());
    await settle();
  });
  afterEach(() => writer.close());

  async function settle(): Promise<void> {
    await writer.settle();
    await writer.caughtUp();
  }

  function expectBoth(nodeAddresses: string[] = [], interfaces = endpoints): void {
    const expected = expectedDump(world.compiled, nodeAddresses, interfaces);
    expect(bed.dump(0)).toEqual(expected);
    expect(bed.dump(1)).toEqual(expected);
    expect(writer.inForce.revision).toBe(world.revision);
    expect(bed.troubles).toEqual([]);
  }

  it("after each of many edits is, in both copies, what compiling from nothing gives", async () => {
    for (let number = 0; number < worlds; number++) {
      world = new PolicyWorld({ seed: seed + number });
      writer.close();
      bed.forget();
      writer = bed.writer();
      writer.replace(world.set());
      const addresses = [world.pick(world.addresses), "169.254.1.1"];
      for (let edit = 0; edit < editsPerWorld; edit++) {
        if (edit === 3) writer.setNodeAddresses(addresses.map((one) => parseAddress(one)));
        if (edit === 9) writer.setNodeAddresses([]);
        await settle();
        expectBoth(edit >= 3 && edit < 9 ? addresses : []);
        writer.edit(world.edit());
      }
    }
  }, 120_000);

  it("gives every packet the verdict of the evaluator", async () => {
    for (let edit = 0; edit < 3; edit++) {
      const { compiled } = world;
      for (const question of questionsOf(world, 120)) {
        expect([question, bed.isAllowed(question)]).toEqual([
          question,
          expectedVerdict(compiled, question),
        ]);
      }
      writer.edit(world.edit());
      await settle();
    }
  });

  it("takes several edits that come at once with one switch", async () => {
    const { epoch } = writer.inForce;
    const switches = [1, 2, 3].map(() => {
      writer.edit(world.edit());
      return writer.settle();
    });
    await Promise.all(switches);
    await writer.caughtUp();
    expect(writer.inForce.epoch).toBe(epoch + 1);
    expectBoth();
  });

  it("is written only where it differs, also by a snapshot and by the next process", async () => {
    const edit = world.edit();
    writer.edit(edit);
    await settle();
    const written = writer.counters.entries;
    writer.replace(world.set());
    await settle();
    expect(writer.counters.entries).toBe(written);
    const { epoch } = writer.inForce;
    writer.close();
    writer = bed.writer();
    expect(writer.inForce).toMatchObject({ revision: world.revision, epoch });
    writer.replace(world.set());
    await settle();
    expect(writer.counters).toMatchObject({ entries: 0, switches: 0 });
    expect(writer.inForce.epoch).toBe(epoch);
    writer.replace(new PolicyWorld({ seed: seed + 1 }).set());
    writer.replace({ ...world.set(), generation: 900 });
    await settle();
    expect(writer.counters).toMatchObject({ switches: 1 });
    expect(writer.inForce).toMatchObject({ generation: 900, epoch: epoch + 1 });
    expectBoth();
  });

  it("is made right by the next process where one left it half written", async () => {
    const { identities, rules } = {
      identities: bed.maps.open("identities", 0),
      rules: bed.maps.open("rules", 1),
    };
    const [identity] = identities?.entries() ?? [];
    identities?.delete([identity?.[0] ?? ""]);
    const [rule] = rules?.entries() ?? [];
    rules?.set([[rule?.[0] ?? "", "\x09\x09\x09\x09"]]);
    rules?.set([["\x58\0\0\0\x01\0\0\0\0\0\0\0\x06\0\x01\0", "\x09\0\0\0"]]);
    writer.close();
    writer = bed.writer();
    writer.replace(world.set());
    await settle();
    expectBoth();
  });

  it("follows interfaces that come and go, also while it is written", async () => {
    const { epoch } = writer.inForce;
    writer.add({ ifindex: 77, namespace: "red", pod: "p0" });
    expect(bed.dump(epoch & 1).endpoint_policies.has("77")).toBe(true);
    await writer.caughtUp();
    const more = [...endpoints, { ifindex: 77, namespace: "red", pod: "p0" }];
    expectBoth([], more);
    expect(writer.inForce.epoch).toBe(epoch);
    writer.edit(world.edit());
    const settled = writer.settle();
    writer.remove(77);
    writer.add({ ifindex: 78, namespace: "red", pod: "p2" });
    await settled;
    await writer.caughtUp();
    expectBoth([], [...endpoints, { ifindex: 78, namespace: "red", pod: "p2" }]);
  });

  it("never has the entry of the pod that had an interface's number before", async () => {
    writer.add({ ifindex: 77, namespace: "red", pod: "p0" });
    await writer.caughtUp();
    writer.remove(77);
    writer.add({ ifindex: 77, namespace: "red", pod: "nobody" });
    expect(bed.dump(writer.inForce.epoch & 1).endpoint_policies.has("77")).toBe(false);
    await writer.caughtUp();
    expectBoth();
  });

  it("keeps an interface's entry until it is detached, though nobody expects it any more", async () => {
    writer.add(endpoints[0]!);
    writer.expect([]);
    writer.edit(world.edit());
    await settle();
    expectBoth([], endpoints.slice(0, 1));
    writer.expect(endpoints);
    await settle();
    expectBoth();
  });

  it("keeps the node's flag on what the longest prefix says when prefixes around it change", async () => {
    const node = "10.0.1.77";
    const around = (bits: number, identity: number) => ({
      addr: parseAddress("10.0.1.0"),
      prefix_bits: 96 + bits,
      identity,
    });
    const none = { set: [], deleted: [] };
    const head = { generation: 1, mode: "enforce" as const, endpoints: none, entries: none };
    const set: PolicySet = {
      ...{ generation: 1, revision: 1, mode: "enforce", created: 0, documents: [] },
      ...{ identities: [around(16, 20)], endpoints: [], entries: [], rules: [] },
    };
    const flagOf = (): string | undefined => bed.dump(0).identities.get(`${node} 128`);
    const flagged = (identity: number): string => String(identity + 2 ** 31);
    writer.setNodeAddresses([parseAddress(node)]);
    writer.replace(set);
    await settle();
    expect(flagOf()).toBe(flagged(20));
    writer.edit({ ...head, revision: 2, identities: { set: [around(24, 21)], deleted: [] } });
    await settle();
    expect(flagOf()).toBe(flagged(21));
    const { entries } = writer.counters;
    writer.setNodeAddresses([parseAddress(node), parseAddress("fd00::7")]);
    await settle();
    expect(writer.counters.entries).toBe(entries + 2);
    writer.edit({ ...head, revision: 3, identities: { set: [], deleted: [around(24, 21)] } });
    await settle();
    expect(flagOf()).toBe(flagged(20));
    writer.edit({
      ...head,
      revision: 4,
      identities: { set: [{ ...around(32, 30), addr: parseAddress(node) }], deleted: [] },
    });
    writer.setNodeAddresses([]);
    await settle();
    expect(flagOf()).toBe("30");
  });

  it("is given larger maps where the ones it found are too small", async () => {
    const { identities, rules } = expectedDump(world.compiled);
    bed.forget();
    writer.close();
    writer = bed.writer(bed.maps, { identities: identities.size, rules: rules.size });
    writer.replace(world.set());
    await settle();
    expect(bed.maps.open("rules", 0)?.room).toBe(rules.size);
    writer.close();
    writer = bed.writer();
    const larger = new PolicyWorld({ seed, pods: 20, policies: 20 });
    writer.replace({ ...larger.set(), revision: 2 });
    await settle();
    expect(bed.maps.open("rules", 0)?.room).toBe(65_536);
    const expected = expectedDump(larger.compiled);
    expect([bed.dump(0), bed.dump(1)]).toEqual([expected, expected]);
  });
});
