/** Rows of JSONEachRow. */
export function parseRows<Row>(bytes: Uint8Array): Row[] {
  const text = new TextDecoder().decode(bytes).trimEnd();
  if (text === "") return [];
  return text.split("\n").map((line) => JSON.parse(line) as Row);
}
