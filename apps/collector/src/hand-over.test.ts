import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { giveTree } from "./hand-over.ts";

const isRoot = process.getuid?.() === 0;
const itAsRoot = isRoot ? it : it.skip;
if (!isRoot) process.stderr.write("skipped, handing folders over: only root can\n");

describe("folders that are handed over to a user", () => {
  const directory = mkdtempSync(join(tmpdir(), "hand-over-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  itAsRoot("belong to it with all that is in them, and nothing that a link points to does", () => {
    const [ours, others] = [join(directory, "ours"), join(directory, "others")];
    mkdirSync(join(ours, "below"), { recursive: true });
    mkdirSync(others);
    writeFileSync(join(ours, "below", "segment"), "x");
    writeFileSync(join(others, "secret"), "x");
    symlinkSync(others, join(ours, "folder"));
    symlinkSync(join(others, "secret"), join(ours, "below", "file"));
    giveTree(ours, 12345, 12346);
    const owners = ["", "below", "below/segment"].map((name) => statSync(join(ours, name)));
    for (const owner of owners) expect(owner).toMatchObject({ uid: 12345, gid: 12346 });
    for (const name of [others, join(others, "secret"), join(ours, "folder")])
      expect([name, lstatSync(name).uid]).toEqual([name, 0]);
  });

  itAsRoot("are not looked for behind a link", () => {
    const link = join(directory, "link");
    symlinkSync(tmpdir(), link);
    expect(() => giveTree(link, 12345, 12346)).toThrow(/ELOOP|ENOTDIR/);
  });
});
