import { existsSync } from "node:fs";
import { BRIDGE, DNS_ADDRESS, NODE_ADDRESS, SERVICE_RANGE } from "../addresses.ts";
import { runProgram } from "../run-program.ts";

/** The network namespace that owns the bridge, the rules and the DNS address of a mesh. */
export function nodeNamespace(id: string): string {
  return `heddle-${id}`;
}

/** The namespace of the pod with this number. */
export function podNamespace(id: string, number: number): string {
  return `heddle-${id}-p${number}`;
}

/** The file that stands for a named network namespace, as `ip netns` keeps it. */
export function namespaceFile(name: string): string {
  return `/run/netns/${name}`;
}

/** Locally administered; there is one bridge in a namespace. */
const BRIDGE_HARDWARE_ADDRESS = "02:00:0a:f4:00:01";

/** Makes the node namespace of a mesh: bridge, forwarding, service range and DNS address. */
export async function createNodeNamespace(id: string): Promise<void> {
  const name = nodeNamespace(id);
  if (!existsSync(namespaceFile(name))) await runProgram("ip", ["netns", "add", name]);
  const links = [
    "link set lo up",
    // Of its own the bridge takes an address from its ports, and another when one goes: what pods sent would be lost.
    `link add ${BRIDGE} address ${BRIDGE_HARDWARE_ADDRESS} type bridge`,
    `address add ${NODE_ADDRESS}/16 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
    `address add ${DNS_ADDRESS}/32 dev lo`,
    // Processes of the node itself need a route before their connections can be translated.
    `route add ${SERVICE_RANGE} dev ${BRIDGE} src ${NODE_ADDRESS}`,
  ].join("\n");
  // All traffic between pods is routed here rather than bridged, so that service addresses can be translated.
  const settings = [
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects",
    "echo 0 > /proc/sys/net/ipv4/conf/default/send_redirects",
    "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start",
    // Where the kernel has it: rules for the host must not run for bridged frames before they are routed here.
    "for file in /proc/sys/net/bridge/bridge-nf-call-*tables; do [ ! -e $file ] || echo 0 > $file; done",
  ].join(" && ");
  await runProgram("nsenter", [`--net=${namespaceFile(name)}`, "sh", "-c", `${settings} && ip -batch -`], {
    input: links,
  });
}
