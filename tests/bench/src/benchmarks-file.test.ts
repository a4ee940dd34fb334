import { sectionOf, withSection } from "./benchmarks-file.ts";

const result = { bench: "path", case: "rss", value: 3, unit: "MiB", baseline: null, ratio: null };

describe("BENCHMARKS.md", () => {
  it("holds a section a bench, by name, each as of its last run", () => {
    let file = withSection("", "store", "first");
    file = withSection(file, "path", "second");
    file = withSection(file, "store", "third\n\n| a |\n");
    expect(file.match(/^## .*$/gm)).toEqual(["## path", "## store"]);
    expect(file).toContain("## path\n\nsecond\n");
    expect(file).toContain("## store\n\nthird\n\n| a |\n");
    expect(file).not.toContain("first");
    expect(withSection(file, "path", "second")).toBe(file);
  });

  it("says when, what and where, and leaves no cell empty", () => {
    const text = sectionOf([result], import.meta.dirname);
    expect(text).toMatch(/^\d{4}-\d\d-\d\d, commit [0-9a-f]+/);
    expect(text).toContain("| rss | 3 | MiB | - | - |");
  });
});
