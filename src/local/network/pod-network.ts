import { BRIDGE, NODE_ADDRESS } from "../addresses.ts";
import { runProgram } from "../run-program.ts";
import { namespaceFile } from "./node-namespace.ts";

/** The network of one pod: its namespace and the address on the only interface in it. */
export interface PodNetwork {
  readonly namespace: string;
  readonly address: string;
  /** The end of the pod's cable in the node namespace. */
  readonly nodeInterface: string;
}

/** Makes the network of a pod. Runs in the node namespace of the mesh. */
export async function createPodNetwork(network: PodNetwork): Promise<void> {
  const { namespace, address, nodeInterface } = network;
  await runProgram("ip", ["netns", "add", namespace]);
  await runProgram("ip", ["-batch", "-"], {
    input: [
      `link add ${nodeInterface} type veth peer name eth0 netns ${namespace}`,
      `link set ${nodeInterface} master ${BRIDGE} up`,
      // A pod may be the endpoint of its own call to a service.
      `link set ${nodeInterface} type bridge_slave hairpin on`,
    ].join("\n"),
  });
  const links = [
    "link set lo up",
    `address add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add default via ${NODE_ADDRESS} dev eth0 onlink src ${address}`,
  ].join("\n");
  // As container runtimes do it: ports below 1024 are for everybody.
  const settings = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start";
  await runProgram(
    "nsenter",
    [`--net=${namespaceFile(namespace)}`, "sh", "-c", `${settings} && ip -batch -`],
    {
      input: links,
    },
  );
}

/** Removes the network of a pod. What is already gone is no error. */
export async function removePodNetwork(network: PodNetwork): Promise<void> {
  await runProgram("ip", ["link", "del", network.nodeInterface]).catch(() => {});
  await runProgram("ip", ["netns", "del", network.namespace]).catch(() => {});
}
