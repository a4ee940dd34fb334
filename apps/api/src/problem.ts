/** What went wrong and what to do about it, as application/problem+json (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  /** One line each, `file:line: what` where there is a place. */
  readonly problems: string[];

  constructor(status: number, title: string, detail: string, problems: string[] = []) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.problems = problems;
  }

  toJSON(): object {
    return {
      type: "about:blank",
      title: this.title,
      status: this.status,
      detail: this.message,
      ...(this.problems.length > 0 ? { problems: this.problems } : {}),
    };
  }
}

/** The request itself is malformed: a parameter, a form. */
export function badRequest(detail: string, problems?: string[]): Problem {
  return new Problem(400, "the request is not right", detail, problems);
}

/** The request is well formed, what it carries (a policy, a query) is not acceptable. */
export function refused(detail: string, problems?: string[]): Problem {
  return new Problem(422, "not accepted", detail, problems);
}

/** Errors of the store, as StoreError names them. */
const ofStore: Record<string, [number, string]> = {
  sql: [422, "not accepted"],
  refused: [422, "not accepted"],
  limit: [422, "too much"],
  busy: [503, "busy"],
  unreachable: [503, "the store is away"],
};

/** Any error as a problem. What the server did not expect stays in its log. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const known = error as {
    name?: string;
    kind?: string;
    statusCode?: number;
    message?: string;
    code?: string;
  };
  const message = known.message ?? String(error);
  if (known.name === "QuestionError") return badRequest(message);
  const store = known.name === "StoreError" ? ofStore[known.kind ?? ""] : undefined;
  if (store) return new Problem(...store, message);
  if (known.statusCode !== undefined && known.statusCode < 500) {
    const detail =
      known.code === "FST_ERR_CTP_BODY_TOO_LARGE"
        ? "the body is larger than maxBodyBytes; send less at once, or raise it"
        : message;
    return new Problem(known.statusCode, "the request is not right", detail);
  }
  return new Problem(500, "weir failed", `${message}; the log has more`);
}
