import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import type { Answer as Record, Packet, Question } from "dns-packet";
import { CLUSTER_DOMAIN, lookUp } from "./records.ts";
import type { Zone } from "./records.ts";

/** Seconds for which an answer may be kept; pods come and go. */
const TTL_SECONDS = 5;
/** Largest answer over UDP to a client that says nothing else (RFC 1035), and to any (RFC 9715). */
const UDP_BYTES_MIN = 512;
const UDP_BYTES_MAX = 1232;

const FORMERR = 1;
const NXDOMAIN = 3;
const NOTIMP = 4;

/**
 * The answer to a DNS message, or undefined where there is nothing to answer: a response, or what
 * is too short to carry an id. Never throws, whatever the message is.
 */
export function respond(zone: Zone, message: Buffer, transport: "udp" | "tcp"): Buffer | undefined {
  if (message.length < 12 || (message.readUInt8(2) & 0x80) !== 0) return undefined;
  const id = message.readUInt16BE(0);
  const query = parse(message);
  if (query === undefined) return encode({ type: "response", id, flags: FORMERR });
  const [question] = query.questions ?? [];
  if (query.opcode !== "QUERY" || question === undefined || query.questions?.length !== 1) {
    return encode({ type: "response", id, flags: NOTIMP });
  }
  const answer = answerTo(zone, id, query, question);
  const bytes = encode(answer);
  if (transport === "tcp" || bytes.length <= udpLimit(query)) return bytes;
  return encode({
    ...answer,
    flags: (answer.flags ?? 0) | TRUNCATED_RESPONSE,
    answers: [],
    authorities: [],
  });
}

function parse(message: Buffer): (Packet & { opcode?: string }) | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

function answerTo(zone: Zone, id: number, query: Packet, question: Question): Packet {
  const result = lookUp(zone, question.name, question.type);
  const answers: Record[] =
    result.found === "addresses"
      ? shuffled(result.addresses).map((data) => ({
          type: question.type === "AAAA" ? ("AAAA" as const) : ("A" as const),
          name: question.name,
          ttl: TTL_SECONDS,
          data,
        }))
      : [];
  const asked = (query.flags ?? 0) & RECURSION_DESIRED;
  const flags =
    AUTHORITATIVE_ANSWER |
    RECURSION_AVAILABLE |
    asked |
    (result.found === "nothing" ? NXDOMAIN : 0);
  const edns = query.additionals?.some((one) => one.type === "OPT") === true;
  return {
    type: "response",
    id,
    flags,
    questions: [question],
    answers,
    authorities: answers.length > 0 ? [] : [startOfAuthority()],
    additionals: edns ? [optRecord()] : [],
  };
}

/** Goes with every "no", so that resolvers know how long to believe it (RFC 2308). */
function startOfAuthority(): Record {
  return {
    type: "SOA",
    name: CLUSTER_DOMAIN,
    ttl: TTL_SECONDS,
    data: {
      mname: `ns.dns.${CLUSTER_DOMAIN}`,
      rname: `hostmaster.${CLUSTER_DOMAIN}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: TTL_SECONDS,
    },
  };
}

function optRecord(): Record {
  return {
    type: "OPT",
    name: ".",
    udpPayloadSize: UDP_BYTES_MAX,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

function udpLimit(query: Packet): number {
  const opt = query.additionals?.find((one) => one.type === "OPT");
  const offered = opt?.type === "OPT" ? opt.udpPayloadSize : UDP_BYTES_MIN;
  return Math.min(Math.max(offered, UDP_BYTES_MIN), UDP_BYTES_MAX);
}

/** In another order each time: clients that take the first are spread over the pods. */
function shuffled<T>(values: T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
