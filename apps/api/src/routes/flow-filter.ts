import { maxFilterLength } from "@weir/query";
import { z } from "zod";

/** The filters that stored and live flows share, as query parameters. */
export const flowFilter = z
  .object({
    from: z.string().max(512),
    to: z.string().max(512),
    namespace: z.string().max(256),
    port: z.coerce.number().int().min(0).max(65_535),
    protocol: z.string().max(16),
    verdict: z.enum(["allowed", "denied"]),
    filter: z.string().max(maxFilterLength),
  })
  .partial();
