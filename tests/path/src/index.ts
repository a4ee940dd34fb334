export { Final, Station, eventually, ok, root, rows, run, weir } from "./process.ts";
