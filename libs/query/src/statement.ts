/** SQL with the values of its {name:Type} parameters: what a Store's `query` takes. */
export interface Statement {
  sql: string;
  parameters: Record<string, string | number>;
}

/** Conditions that are joined by AND, with their parameters. */
export class Conditions {
  readonly parameters: Record<string, string | number> = {};
  readonly #conditions: string[] = [];

  add(condition: string, parameters: Record<string, string | number> = {}): void {
    this.#conditions.push(condition);
    Object.assign(this.parameters, parameters);
  }

  toString(): string {
    return this.#conditions.length === 0 ? "1" : this.#conditions.join("\n  AND ");
  }
}
