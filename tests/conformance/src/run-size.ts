/** `npm run conformance` runs all there is; `npm test` what fits into a minute. */
export const isFull = process.env["WEIR_CONFORMANCE"] === "full";
