import { describe, expect, it } from "@jest/globals";
import { splitStatements } from "./sql-text.ts";

describe("splitting a migration into statements", () => {
  it("splits at semicolons, but not in quotes or comments", () => {
    expect(
      splitStatements(
        "-- a; comment\nCREATE TABLE a (x String COMMENT 'it''s; \\'; fine -- no comment');\n\nALTER TABLE `b;b` ADD y; -- done;\n",
      ),
    ).toEqual([
      "CREATE TABLE a (x String COMMENT 'it''s; \\'; fine -- no comment')",
      "ALTER TABLE `b;b` ADD y",
    ]);
  });

  it("keeps a minus that begins no comment, and drops what is empty", () => {
    expect(splitStatements("SELECT 1 - 2;;\n ; SELECT -3")).toEqual(["SELECT 1 - 2", "SELECT -3"]);
  });
});
