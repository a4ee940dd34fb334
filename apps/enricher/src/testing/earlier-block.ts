import { parseAddress } from "@weir/codec";
import { NOW } from "./messages.ts";

/** Of FlowBlock as it was before a flow had room for what is known of it (schemas/events/written). */
const schemaId = 0x380c66bc;

/**
 * A block as a collector of that version wrote it: by hand, byte for byte, from one address to another
 * with a port a flow. Nothing here follows the schema in force.
 */
export function earlierBlock(number: number, ports: readonly number[]): Uint8Array {
  const bytes: number[] = [0, 0, 0, 0, 0];
  for (let at = 0; at < 4; at++) bytes[1 + at] = (schemaId >>> (24 - 8 * at)) & 0xff;
  const long = (value: number): void => {
    for (let rest = BigInt(value) * 2n; ; rest >>= 7n) {
      if (rest < 128n) return void bytes.push(Number(rest));
      bytes.push(Number(rest & 127n) | 128);
    }
  };
  const text = (value: string): void => {
    long(value.length);
    bytes.push(...Buffer.from(value));
  };
  text("n1");
  text("boot");
  long(number);
  long(NOW); // base_time
  long(1); // rules
  long(3);
  long(7);
  text("default-deny ingress (shop/cart)");
  long(0);
  long(2); // addresses
  bytes.push(...parseAddress("10.0.0.1"), ...parseAddress("10.0.0.2"));
  long(0);
  long(ports.length); // flows
  for (const port of ports) {
    for (const clock of [0, 1000, 0]) long(clock); // time, first, last
    for (const count of [0, 5, 500, 4, 400]) long(count); // sequence, packets and bytes both ways
    for (const index of [0, 1]) long(index); // src_addr, dst_addr
    for (const value of [3, 3, 7]) long(value); // ifindex, generation, rule
    for (const value of [40_000, port, 0, 6]) long(value); // src_port, dst_port, cpu, protocol
    for (const symbol of [1, 2, 6, 3]) long(symbol); // egress, denied, default_deny, denied_edge
    for (const value of [0, 2, 20, 1]) long(value); // flags, tcp_flags, reply_tcp_flags, connections
  }
  long(0);
  return Uint8Array.from(bytes);
}
