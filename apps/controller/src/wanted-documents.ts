import type { Mode, PolicyChange, PolicyDocument } from "@weir/codec";
import type { Policy } from "@weir/policy";
import { keyOf, readDocument } from "./document.ts";
import type { DocumentError, Holding } from "./document.ts";

/**
 * What somebody wants, read once per text. A text that does not read leaves in force what its
 * document said before.
 */
export class WantedDocuments {
  readonly #holding = new Map<string, Holding>();
  readonly #errors = new Map<string, DocumentError>();
  #shadows = 0;

  /**
   * `before`: the text in force under this key, from an earlier life. `read`: what the text says, where
   * that was looked at already. True: what holds is another.
   */
  set(change: PolicyChange, before: string | undefined, read?: Policy | string): boolean {
    const key = keyOf(change);
    const { namespace, name, text, shadow } = change;
    const held = this.#holding.get(key);
    const policy = held?.text === text ? held.policy : (read ?? readDocument(change, text));
    if (typeof policy !== "string") {
      this.#errors.delete(key);
      return this.#hold(key, { policy, text, shadow });
    }
    const kept = held ?? this.#readBefore(change, before);
    const previousInForce = kept !== undefined;
    this.#errors.set(key, { namespace, name, error: policy, previousInForce });
    return kept !== undefined && this.#hold(key, { ...kept, shadow });
  }

  /** True: something held under the key. */
  delete(key: string): boolean {
    this.#errors.delete(key);
    const held = this.#holding.get(key);
    if (held?.shadow) this.#shadows--;
    return this.#holding.delete(key);
  }

  /** A policy that cannot be compiled holds no longer; the document's text of before does, if any. */
  refuse(key: string, error: string, before: PolicyDocument | undefined): void {
    const held = this.#holding.get(key);
    if (held === undefined) return;
    const { shadow } = held;
    const { namespace, name } = held.policy;
    this.delete(key);
    const policy = before && readDocument(before, before.text);
    const kept = policy !== undefined && typeof policy !== "string" && policy;
    if (before && kept) this.#hold(key, { policy: kept, text: before.text, shadow });
    this.#errors.set(key, { namespace, name, error, previousInForce: kept !== false });
  }

  get(key: string): Holding | undefined {
    return this.#holding.get(key);
  }

  entries(): IterableIterator<[string, Holding]> {
    return this.#holding.entries();
  }

  get errors(): DocumentError[] {
    return [...this.#errors.values()];
  }

  /** The kernel has one for all. */
  get mode(): Mode {
    if (this.#holding.size === 0) return "observe";
    return this.#shadows > 0 ? "shadow" : "enforce";
  }

  #hold(key: string, holding: Holding): boolean {
    const held = this.#holding.get(key);
    if (held?.shadow) this.#shadows--;
    if (holding.shadow) this.#shadows++;
    this.#holding.set(key, holding);
    return held?.text !== holding.text || held.shadow !== holding.shadow;
  }

  #readBefore(change: PolicyChange, before: string | undefined): Holding | undefined {
    if (before === undefined) return undefined;
    const policy = readDocument(change, before);
    return typeof policy === "string" ? undefined : { policy, text: before, shadow: change.shadow };
  }
}
