export type * from "./contract.ts";
export type * from "./events.ts";
export type { Cidr } from "./address.ts";
export {
  AddressError,
  addressBytes,
  formatAddress,
  formatCidr,
  isIPv4,
  maskAddress,
  parseAddress,
  parseCidr,
} from "./address.ts";
export { CodecError } from "./error.ts";
export { leftOutEvents } from "./events.ts";
export { createFlowDecoder } from "./flow-decoder.ts";
export { createFlowEncoder } from "./flow-encoder.ts";
export { protocolName } from "./protocol-name.ts";
export { flowFlags, flowLayout, flowRecordBytes, flowSymbols } from "./flow-layout.ts";
export {
  controllerClaimCodec,
  deadLetterCodec,
  eventCodec,
  nodeReportCodec,
  policyChangeCodec,
  policyDeltaCodec,
  policySetCodec,
  policySetIndexCodec,
  recordCodec,
  suggestionCodec,
  workloadCodec,
} from "./record-codec.ts";
export { PolicyFeed } from "./policy-feed.ts";
export type { PolicyNews } from "./policy-feed.ts";
export {
  policyChangeHeader,
  policyDeltaKey,
  policySetKey,
  policySetMessages,
} from "./policy-messages.ts";
export type { PolicyMessage } from "./policy-messages.ts";
export type { Records } from "./record-codec.ts";
export { topicOfRecord } from "./schemas.ts";
export type { RecordName } from "./schemas.ts";
