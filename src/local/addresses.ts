/** Addresses of a mesh. All of them exist in its node namespace only, so any number of meshes can have the same. */
export const NODE_ADDRESS = "10.244.0.1";
/** What stands for this machine in the mesh: a connection to it goes to the machine's own 127.0.0.1. */
export const MACHINE_ADDRESS = "10.244.0.2";
export const POD_RANGE = "10.244.0.0/16";
export const SERVICE_RANGE = "10.96.0.0/16";
export const DNS_ADDRESS = "10.96.0.10";
export const BRIDGE = "br0";
/** Where the control plane serves its proxies. */
export const CONTROL_PLANE_PORT = 15010;
/** Where the relay takes connections that leave the mesh. */
export const RELAY_PORT = 15020;

const PODS = 254 * 254;

/** The address of the pod with a number: 10.244.1.1, 10.244.1.2 … 10.244.254.254, and round again. */
export function podAddress(number: number): string {
  const index = number % PODS;
  return `10.244.${1 + Math.floor(index / 254)}.${1 + (index % 254)}`;
}

/** Reserved service addresses: the first sixteen, as clusters have them for DNS and the like. */
const FIRST_SERVICE = 16;
const LAST_SERVICE = 65_534;

/**
 * Gives every service of `wanted` an address of the service range.
 * Those in `known` keep theirs; `taken` are those that users wrote into their files.
 * Throws when the range is used up: 65,000 services on one machine are a bug.
 */
export function allocateServiceAddresses(
  wanted: readonly string[],
  known: Readonly<Record<string, string>>,
  taken: ReadonlySet<string>,
): Record<string, string> {
  const given: Record<string, string> = {};
  const used = new Set(taken);
  for (const key of wanted) {
    const address = known[key];
    if (address === undefined || used.has(address)) continue;
    given[key] = address;
    used.add(address);
  }
  let next = FIRST_SERVICE;
  for (const key of wanted) {
    if (given[key] !== undefined) continue;
    while (used.has(serviceAddress(next))) next++;
    if (next > LAST_SERVICE) throw new Error("the service range is used up");
    given[key] = serviceAddress(next);
    used.add(serviceAddress(next));
  }
  return given;
}

function serviceAddress(index: number): string {
  return `10.96.${index >> 8}.${index & 255}`;
}
