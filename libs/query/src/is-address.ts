/**
 * That src_ip or dst_ip is the address of a parameter. The stored bytes are compared, which have
 * an index of their own: ten times as fast as making text of them.
 */
export function isAddress(column: string, parameter: string): string {
  return `${column.replace(/_ip$/, "_addr")} = toIPv6(${parameter})`;
}
