/**
 * As Promise.all, but a failure is thrown only when all have ended: whoever clears up after it must
 * not meet work that is still going on.
 */
export async function settleAll<T>(work: Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
