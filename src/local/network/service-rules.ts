import { DNS_ADDRESS, MACHINE_ADDRESS, POD_RANGE, RELAY_PORT, SERVICE_RANGE } from "../addresses.ts";
import type { EndpointPort, ServiceEndpoints } from "./service-endpoints.ts";

/**
 * The nftables ruleset of the node namespace: pods without a sidecar, and processes of the node, reach services by it.
 * A service address without endpoints refuses at once. TCP that leaves the mesh goes to the relay. Pure; replaces the
 * table as a whole, in one transaction.
 */
export function serviceRules(services: readonly ServiceEndpoints[]): string {
  const balanced = portsWithTargets(services);
  const hairpins = new Set(balanced.flatMap(({ port }) => port.targets.map((target) => target.address)));
  return `
add table ip heddle
delete table ip heddle
table ip heddle {
  set hairpin {
    type ipv4_addr . ipv4_addr
${elements([...hairpins].sort().map((address) => `${address} . ${address}`))}  }
${balanced.map(({ port }, index) => targetChain(index, port)).join("")}  map services {
    type ipv4_addr . inet_proto . inet_service : verdict
${elements(balanced.map(({ address, port }, index) => `${address} . ${port.protocol} . ${port.port} : goto service-${index}`))}  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr . meta l4proto . th dport vmap @services
    ip daddr ${MACHINE_ADDRESS} meta l4proto tcp redirect to :${RELAY_PORT}
    ip daddr != { ${POD_RANGE}, ${SERVICE_RANGE} } meta l4proto tcp redirect to :${RELAY_PORT}
  }
  chain output {
    type nat hook output priority -100
    ip daddr . meta l4proto . th dport vmap @services
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr . ip daddr @hairpin ct status dnat masquerade
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain forward-filter {
    type filter hook forward priority filter
    ip daddr { ${SERVICE_RANGE}, ${MACHINE_ADDRESS} } jump refuse
  }
  chain output-filter {
    type filter hook output priority filter
    ip daddr ${DNS_ADDRESS} accept
    ip daddr ${SERVICE_RANGE} jump refuse
  }
}
`;
}

/** Two services with one address: the first by name has it, as validation has already said. */
function portsWithTargets(
  services: readonly ServiceEndpoints[],
): { readonly address: string; readonly port: EndpointPort }[] {
  const byDestination = new Map<string, { address: string; port: EndpointPort }>();
  for (const { address, ports } of services) {
    if (address === undefined) continue;
    for (const port of ports) {
      const destination = `${address} ${port.protocol} ${port.port}`;
      if (port.targets.length > 0 && !byDestination.has(destination))
        byDestination.set(destination, { address, port });
    }
  }
  return [...byDestination.values()];
}

function targetChain(index: number, port: EndpointPort): string {
  const targets = port.targets.map((target, number) => `${number} : ${target.address} . ${target.port}`);
  return `  chain service-${index} {
    meta l4proto ${port.protocol} dnat ip to numgen random mod ${targets.length} map { ${targets.join(", ")} }
  }
`;
}

function elements(values: readonly string[]): string {
  return values.length === 0 ? "" : `    elements = { ${values.join(", ")} }\n`;
}
