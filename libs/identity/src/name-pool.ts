/** Texts with numbers from 1 on, each once, as long as somebody holds them. */
export class NamePool {
  readonly #numbers = new Map<string, number>();
  /** By number; what is free is empty. */
  readonly #texts: string[] = [""];
  readonly #holders: number[] = [0];
  readonly #free: number[] = [];

  get size(): number {
    return this.#numbers.size;
  }

  /** Numbers are below this. */
  get numbersEnd(): number {
    return this.#texts.length;
  }

  text(number: number): string {
    return this.#texts[number] ?? "";
  }

  hold(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#texts.length;
      this.#numbers.set(text, number);
      this.#texts[number] = text;
      this.#holders[number] = 0;
    }
    this.#holders[number] = (this.#holders[number] ?? 0) + 1;
    return number;
  }

  /** 0 is nothing, and may be let go. */
  letGo(number: number): void {
    if (number === 0) return;
    const left = (this.#holders[number] ?? 0) - 1;
    this.#holders[number] = left;
    if (left > 0) return;
    this.#numbers.delete(this.text(number));
    this.#texts[number] = "";
    this.#free.push(number);
  }
}
