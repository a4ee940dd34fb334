import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Sources run as they are: the transformer only strips the types, line for line. */
export default {
  rootDir: process.cwd(),
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": `${root}tests/strip-types.mjs` },
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/build/"],
  modulePathIgnorePatterns: ["/build/"],
  reporters: ["default", `${root}tests/summary-reporter.mjs`],
  testTimeout: 30_000,
};
