import type { Pod } from "#model/kubernetes/pod.ts";
import { DNS_ADDRESS } from "../addresses.ts";

const DOMAIN = "cluster.local";

/** The name that a pod's processes see as that of their machine. */
export function hostName(pod: Pod): string {
  return (pod.spec.hostname ?? pod.metadata.name).slice(0, 63);
}

/** What a pod finds in /etc: how it resolves names, and its own. Pure. */
export function podFiles(pod: Pod, address: string): ReadonlyMap<string, string> {
  const namespace = pod.metadata.namespace ?? "default";
  const own = hostName(pod);
  const qualified =
    pod.spec.subdomain === undefined ? [] : [`${own}.${pod.spec.subdomain}.${namespace}.svc.${DOMAIN}`];
  const search = [`${namespace}.svc.${DOMAIN}`, `svc.${DOMAIN}`, DOMAIN].join(" ");
  return new Map([
    ["resolv.conf", `search ${search}\nnameserver ${DNS_ADDRESS}\noptions ndots:5\n`],
    [
      "hosts",
      [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        [address, ...qualified, own].join(" "),
        "",
      ].join("\n"),
    ],
    ["hostname", `${own}\n`],
  ]);
}
