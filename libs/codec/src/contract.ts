/**
 * Encoding and decoding of what travels on the bus.
 *
 * Single records go through avsc. Blocks of flows go through generated WebAssembly: callers only see
 * batches of bytes, and columns.
 * Every message carries the Confluent frame: byte 0, then the schema's id as 4 bytes big endian.
 */

/** Header of a block; `clockOffsetNs` is wall time minus CLOCK_MONOTONIC. */
export interface BlockHeader {
  node: string;
  bootId: string;
  block: number;
  clockOffsetNs: bigint;
  rules: { generation: number; rule: number; text: string }[];
  /** What `process` of the records stands for: 1 + the place in here. */
  processes: FlowProcess[];
  /** The same for `dns`: names in lower case, without the trailing dot. */
  names: string[];
}

/** A process at an end of flows. Empty, and 0, is unknown. */
export interface FlowProcess {
  pid: number;
  /** Microseconds since 1970, to 10 ms: ids come again. */
  start: number;
  comm: string;
  /** Path of the program as the process sees it. */
  executable: string;
  /** Inode of its folder in the cgroup v2 hierarchy. */
  cgroup_id: number;
  /** Id of the container that its cgroup names. */
  container: string;
}

export interface FlowEncoder {
  /** sizeof(struct weir_flow_record). */
  readonly recordBytes: number;
  /** Upper bound of the encoded size of `count` records under `header`. */
  maxBytes(header: BlockHeader, count: number): number;
  /**
   * Encodes `count` records that lie back to back in `records` into `out`, frame included.
   * Returns the number of bytes written. Throws RangeError when `out` is too small.
   */
  encode(header: BlockHeader, records: Uint8Array, count: number, out: Uint8Array): number;
}

/**
 * A decoded block as columns, valid until the next call of `decode` on the same decoder.
 * 64-bit values are numbers where they are below 2^53.
 */
export interface FlowColumns {
  node: string;
  bootId: string;
  block: number;
  rules: { generation: number; rule: number; text: string }[];
  processes: FlowProcess[];
  names: string[];
  count: number;
  /** Every address of the block once, 16 bytes each. */
  addresses: Uint8Array;
  /** Microseconds since 1970. */
  time: Float64Array;
  first: Float64Array;
  last: Float64Array;
  sequence: Float64Array;
  packets: Float64Array;
  bytes: Float64Array;
  replyPackets: Float64Array;
  replyBytes: Float64Array;
  /** 16 bytes a row. */
  srcAddr: Uint8Array;
  dstAddr: Uint8Array;
  /** Whose it is, by the place in `addresses`. */
  srcAddrIndex: Uint32Array;
  dstAddrIndex: Uint32Array;
  ifindex: Uint32Array;
  generation: Uint32Array;
  rule: Uint32Array;
  /** 1 + place in `processes`; 0: unknown. */
  process: Uint32Array;
  handshakeRttUs: Uint32Array;
  srttUs: Uint32Array;
  retransmits: Uint32Array;
  firstByteUs: Uint32Array;
  /** 1 + place in `names`; 0: unknown. */
  dns: Uint32Array;
  srcPort: Uint16Array;
  dstPort: Uint16Array;
  cpu: Uint16Array;
  protocol: Uint8Array;
  direction: Uint8Array;
  verdict: Uint8Array;
  reason: Uint8Array;
  kind: Uint8Array;
  flags: Uint8Array;
  tcpFlags: Uint8Array;
  replyTcpFlags: Uint8Array;
  connections: Uint8Array;
  closeReason: Uint8Array;
  /** The 64-bit columns once more, as the integers that they are: what the store takes as bytes. */
  words: Record<FlowWord, BigUint64Array>;
}

export type FlowWord =
  | "time"
  | "first"
  | "last"
  | "sequence"
  | "packets"
  | "bytes"
  | "replyPackets"
  | "replyBytes";

export interface FlowDecoder {
  /** Throws CodecError with the byte offset when `message` is not a well-formed block. */
  decode(message: Uint8Array): FlowColumns;
}

/** One Avro record per message. Throws CodecError naming the schema and the field. */
export interface RecordCodec<T> {
  readonly schemaId: number;
  encode(record: T): Uint8Array;
  decode(message: Uint8Array): T;
  /** Whether its frame is that of this record: of the schema in force or of an earlier one. */
  reads(message: Uint8Array): boolean;
}
