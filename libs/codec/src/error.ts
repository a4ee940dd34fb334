/** Bytes that are not what their schema says, or a record that does not fit it. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  /** Full name of the schema, e.g. dev.weir.flows.v1.FlowBlock. */
  readonly schema: string;
  /** Byte of the message, frame included, where it went wrong; -1 when encoding. */
  readonly offset: number;

  constructor(schema: string, offset: number, what: string, options?: ErrorOptions) {
    super(offset < 0 ? `${schema}: ${what}` : `${schema} at byte ${offset}: ${what}`, options);
    this.schema = schema;
    this.offset = offset;
  }
}
