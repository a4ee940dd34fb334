import { isIP } from "node:net";
import { InvalidArgumentError, Option } from "commander";

/** `--api`, for every verb that asks a running weir. */
export function apiOption(): Option {
  return new Option("--api <url>", "address of the weir to ask").env("WEIR_API");
}

/** Parser of an option that is a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Gathers an option that may be given several times. */
export function gather(text: string, gathered: string[] | undefined): string[] {
  return [...(gathered ?? []), text];
}

/** `ns/name`, both parts there. */
export function qualifiedName(text: string): string {
  if (!/^[^/\s]+\/[^/\s]+$/.test(text)) {
    throw new InvalidArgumentError("Give NAMESPACE/NAME, as in shop/cart.");
  }
  return text;
}

/** `ns/name`, or an IP address. */
export function partyName(text: string): string {
  if (isIP(text) > 0) return text;
  if (!/^[^/\s]+\/[^/\s]+$/.test(text)) {
    throw new InvalidArgumentError("Give NAMESPACE/NAME, as in shop/cart, or an IP address.");
  }
  return text;
}
