/** Where the wiring of pods, the collectors and a running weir leave word for each other. */
export function runDirectory(): string {
  return process.env["WEIR_RUN"] ?? "/run/weir";
}
