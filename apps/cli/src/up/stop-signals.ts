/** A terminal's Ctrl-C comes twice under npm, which passes it on: that is one, not two. */
const sameSignalMs = 1000;

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP, and `force` at a later one. Returns how to
 * take the handlers away.
 */
export function onStopSignals(stop: (signal: string) => void, force: () => void): () => void {
  let firstMs: number | undefined;
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      stop(signal);
    } else if (performance.now() - firstMs > sameSignalMs) force();
  };
  for (const name of names) process.on(name, onSignal);
  return () => {
    for (const name of names) process.off(name, onSignal);
  };
}
