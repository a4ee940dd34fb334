/** What differs between two lists of texts, or undefined. */
export function compareLists(
  actual: readonly string[],
  expected: readonly string[],
): string | undefined {
  if (actual.length === expected.length && actual.every((one, index) => one === expected[index]))
    return undefined;
  return `${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`;
}
