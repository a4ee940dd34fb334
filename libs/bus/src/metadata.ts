import type { Position } from "./bus.ts";
import { BusError } from "./error.ts";

const maxMetadataBytes = 1024;

/** Both carriers keep the same text beside a position, so both refuse the same. */
export function refuseLongMetadata(positions: Position[]): void {
  for (const { topic, partition, metadata } of positions) {
    const bytes = Buffer.byteLength(metadata);
    if (bytes <= maxMetadataBytes) continue;
    const what = `${bytes} bytes of metadata for ${topic}/${partition}`;
    throw new BusError(
      "invalid",
      `${what}, at most ${maxMetadataBytes}: keep less beside the position`,
    );
  }
}
