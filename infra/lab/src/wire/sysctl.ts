/**
 * Settings of a lab interface that keep it quiet and predictable: what a test counts is what a
 * workload sent, not router solicitations, duplicate address detection or redirects.
 */
export function quietInterface(name: string): Record<string, string> {
  const v6 = `net/ipv6/conf/${name}`;
  const v4 = `net/ipv4/conf/${name}`;
  return {
    [`${v6}/disable_ipv6`]: "0",
    [`${v6}/accept_ra`]: "0",
    [`${v6}/router_solicitations`]: "0",
    [`${v6}/accept_dad`]: "0",
    [`${v6}/addr_gen_mode`]: "1",
    [`${v4}/rp_filter`]: "0",
    [`${v4}/send_redirects`]: "0",
  };
}

/** The same for every interface still to come, and for those that are there. */
export function quietNamespace(): Record<string, string> {
  return { ...quietInterface("all"), ...quietInterface("default") };
}

export const forwarding: Record<string, string> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv6/conf/default/forwarding": "1",
};

/** A pod may ping and listen on low ports whoever it runs as, as under container runtimes. */
export const podRights: Record<string, string> = {
  "net/ipv4/ping_group_range": "0 2147483647",
  "net/ipv4/ip_unprivileged_port_start": "0",
};
