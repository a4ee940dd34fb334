/** A lab operation that could not be done; the message says what to do next. */
export class LabError extends Error {
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LabError";
    this.code = code;
  }
}

export type LabErrorCode =
  | "unsupported" // not root, or a tool is missing
  | "invalid" // a name, an option or a manifest
  | "not-found" // no such lab, pod or node
  | "conflict" // something stands in the way that this lab did not make
  | "failed"; // a command or a workload process failed
