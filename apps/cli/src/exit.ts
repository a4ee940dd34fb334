/** Exit codes of every verb (a contract: scripts depend on them). */
export const exitCodes = { done: 0, failed: 1, usage: 2, denied: 3 } as const;

/** Ends a verb with its message on stderr, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Wrong usage: exit code 2. */
export function usageError(message: string): CommandError {
  return new CommandError(message, exitCodes.usage);
}
