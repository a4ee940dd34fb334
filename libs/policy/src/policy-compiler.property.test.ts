import type {
  CompiledDelta,
  CompiledTables,
  IdentityEntryKey,
  RuleEntryKey,
} from "./compiled-delta.ts";
import { applyDelta, compiledOf, diffCompiled, tablesOf } from "./compiled-delta.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { PolicyCompiler } from "./policy-compiler.ts";
import type { CompilerChange } from "./policy-compiler.ts";
import type { Choices } from "./testing/choices.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import { EditedWorld } from "./testing/edits.ts";
import { plainCompile } from "./testing/plain-compile.ts";

function text(compiled: CompiledPolicy): string {
  return JSON.stringify({
    ...compiled,
    identities: compiled.identities.map((one) => ({ ...one, addr: [...one.addr].join(".") })),
  });
}

function size(delta: CompiledDelta): number {
  return [delta.identities, delta.endpoints, delta.entries, delta.rules]
    .map(({ set, deleted }) => set.length + deleted.length)
    .reduce((sum, one) => sum + one, 0);
}

/** A key that the delta both sets and deletes. */
function bothListed(delta: CompiledDelta): string | undefined {
  const entry = ({ rule_set, identity, prefix_bits, protocol, port }: RuleEntryKey): string =>
    `entry ${rule_set} ${identity} ${prefix_bits} ${protocol} ${port}`;
  const identity = ({ addr, prefix_bits }: IdentityEntryKey): string =>
    `identity ${[...addr].join(".")}/${prefix_bits}`;
  const set = new Set([
    ...delta.entries.set.map((one) => entry(one)),
    ...delta.identities.set.map((one) => identity(one)),
    ...delta.endpoints.set.map((one) => `${one.namespace}/${one.pod}`),
    ...delta.rules.set.map((one) => `rule ${one.rule}`),
  ]);
  return [
    ...delta.entries.deleted.map((one) => entry(one)),
    ...delta.identities.deleted.map((one) => identity(one)),
    ...delta.endpoints.deleted.map((one) => `${one.namespace}/${one.pod}`),
    ...delta.rules.deleted.map((one) => `rule ${one}`),
  ].find((key) => set.has(key));
}

/** Low ids are few enough that hashes meet all the time. */
const lowIds = 90;

function check(choices: Choices): string | undefined {
  const lastId = choices.oneIn(3) ? lowIds : undefined;
  const world = new EditedWorld(choices);
  const compiler = new PolicyCompiler(lastId);
  const follower: CompiledTables = tablesOf(compiler.compiled);
  const story: string[] = [];
  const step = (change: CompilerChange): string | undefined => {
    const before = tablesOf(compiler.compiled);
    const delta = compiler.apply(change);
    const twice = bothListed(delta);
    if (twice !== undefined) return `${story.join("\n")}\nset and deleted at once: ${twice}`;
    applyDelta(follower, delta);
    const expected = plainCompile(compiler.cluster, [...world.policies.values()], lastId);
    const wanted = text(expected);
    if (text(compiledOf(follower)) !== wanted)
      return `${story.join("\n")}\nfollower ${text(compiledOf(follower))}\nfull     ${wanted}`;
    if (text(compiler.compiled) !== wanted)
      return `${story.join("\n")}\ncompiler ${text(compiler.compiled)}\nfull     ${wanted}`;
    const least = size(diffCompiled(before, tablesOf(expected)));
    if (lastId === undefined && size(delta) !== least)
      return `${story.join("\n")}\nthe delta has ${size(delta)} changes where ${least} would do`;
    return undefined;
  };
  for (let left = 1 + choices.below(25); left > 0; left -= 1) {
    const { change, words } = world.change();
    story.push(words.join(" and "));
    const wrong = step(change);
    if (wrong !== undefined) return wrong;
    const swap = choices.oneIn(5) ? world.swap() : undefined;
    if (swap === undefined) continue;
    story.push("two pods change places");
    const worse = step(swap);
    if (worse !== undefined) return worse;
  }
  compiler.apply({
    pods: { deleted: [...world.pods.keys()] },
    policies: { deleted: [...world.policies.keys()] },
  });
  if (compiler.held !== 0) return `${story.join("\n")}\n${compiler.held} things are still held`;
  return undefined;
}

describe("PolicyCompiler", () => {
  it("gives what a full compilation gives, after any edits, and changes no more than it must", () => {
    holdsForAll("changes add up to full compilations", exampleCount(100), check);
  }, 1_800_000);
});
