export { startGenerator } from "./generator.ts";
export type { GeneratorPlace } from "./generator.ts";
export type { Burst, Generated } from "./generator-process.ts";
export { answer, cpuSecondsOf, Part, rssMiBOf } from "./process.ts";
