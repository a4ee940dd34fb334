import { Option } from "commander";

export type Format = "table" | "json" | "yaml" | "csv";

/** `-o`, with the same words everywhere. */
export function outputOption(
  formats: readonly Format[] = ["table", "json", "yaml", "csv"],
): Option {
  return new Option("-o, --output <format>", "how to print").choices(formats).default(formats[0]);
}

/** Colours only on a terminal, and only when NO_COLOR is not set. */
export function colourWanted(stream: { isTTY?: boolean } = process.stdout): boolean {
  return stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";
const codes: Record<Colour, string> = { red: "31", green: "32", yellow: "33", dim: "2", bold: "1" };

export function paint(text: string, colour: Colour, wanted: boolean): string {
  return wanted ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text;
}
