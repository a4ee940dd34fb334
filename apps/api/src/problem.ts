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

export function badRequest(detail: string, problems?: string[]): Problem {
  return new Problem(400, "the request is not right", detail, problems);
}

/** Any error as a problem. What the server did not expect stays in its log. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const known = error as { statusCode?: number; message?: string; code?: string };
  if (known.statusCode !== undefined && known.statusCode < 500) {
    const detail =
      known.code === "FST_ERR_CTP_BODY_TOO_LARGE"
        ? "the body is larger than maxBodyBytes; send less at once, or raise it"
        : (known.message ?? "the request is not right");
    return new Problem(known.statusCode, "the request is not right", detail);
  }
  return new Problem(500, "weir failed", `${known.message ?? String(error)}; the log has more`);
}
