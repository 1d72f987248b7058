// What runs already: pods without the sidecar that they should have, proxies of another version, and proxies that the
// control plane does not reach.

import { podSecurityLabel, podSecurityProblem } from "#injector/pod-security.ts";
import { balancerPath, balancerVersion, canBalanceByLatency } from "#model/balancer.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import { proxyId } from "../meshed-pods.ts";
import { count, error, type Finding, ok, someOf, warning } from "./finding.ts";
import { meshedNamespaces } from "./injection.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

export function checkPods({ installed, pods, connectedProxies }: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  const outside = byNamespace(pods.filter(({ proxy }) => proxy === "none"));
  const old = byNamespace(
    pods.filter(({ proxy, proxyImage }) => proxy !== "none" && proxyImage !== installed.proxyImage),
  );
  const lost = byNamespace(
    pods.filter((pod) => pod.proxy !== "none" && pod.ready && connectedProxies?.has(proxyId(pod)) === false),
  );
  const crashing = byNamespace(pods.filter(({ crashes }) => crashes));
  const unable = byNamespace(
    pods.filter((pod) => {
      if (!installed.latencyAware) return false;
      const node = connectedProxies?.get(proxyId(pod));
      return node !== undefined && !canBalanceByLatency(node);
    }),
  );
  const findings = [
    ...outside.map(([namespace, names]) =>
      error(
        "pods",
        `${count(names.length, "pod")} of ${namespace} should have a sidecar, and ${names.length === 1 ? "has" : "have"} none: ${someOf(names)}`,
        restart(namespace),
      ),
    ),
    ...crashing.map(([namespace, names]) =>
      error(
        "pods",
        `${count(names.length, "proxy", "proxies")} of ${namespace} ${names.length === 1 ? "does" : "do"} not start: ${someOf(names)}`,
        `kubectl logs -n ${namespace} ${names[0]} -c ${proxyContainerName} says why; if ${balancerPath} is missing in an image of your own: heddle install --no-latency-aware`,
      ),
    ),
    ...old.map(([namespace, names]) =>
      warning(
        "pods",
        `${count(names.length, "pod")} of ${namespace} ${names.length === 1 ? "has" : "have"} a proxy of another version: ${someOf(names)}`,
        restart(namespace),
      ),
    ),
    ...lost.map(([namespace, names]) =>
      warning(
        "pods",
        `${count(names.length, "proxy", "proxies")} of ${namespace} ${names.length === 1 ? "is" : "are"} ready, but not connected to the control plane, and learn${names.length === 1 ? "s" : ""} nothing new: ${someOf(names)}`,
        `wait a minute after an upgrade, else kubectl logs -n ${namespace} ${names[0]} -c ${proxyContainerName}`,
      ),
    ),
    ...unable.map(([namespace, names]) =>
      warning(
        "pods",
        `${count(names.length, "proxy", "proxies")} of ${namespace} cannot balance by latency, and balance${names.length === 1 ? "s" : ""} by outstanding requests: ${someOf(names)}`,
        `their image needs Envoy 1.40 and version ${balancerVersion} of the balancer; after an upgrade: ${restart(namespace)}`,
      ),
    ),
  ];
  const meshed = pods.length - outside.reduce((sum, [, names]) => sum + names.length, 0);
  return findings.length > 0 || meshed === 0
    ? findings
    : [ok("pods", `${meshed} with a proxy of this version`)];
}

/** What proxies that start now do where no rule says otherwise. */
export function checkBalancing({ installed }: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  return [
    ok(
      "balancing",
      installed.latencyAware
        ? "by latency"
        : "by outstanding requests: installed for proxies without the balancer (--no-latency-aware)",
    ),
  ];
}

function byNamespace(pods: ClusterSnapshot["pods"]): readonly (readonly [string, readonly string[]])[] {
  return [...Map.groupBy(pods, ({ namespace }) => namespace)].map(([namespace, group]) => [
    namespace,
    group.map(({ name }) => name),
  ]);
}

function restart(namespace: string): string {
  return `kubectl rollout restart deployment,statefulset,daemonset -n ${namespace}`;
}

export function checkPodSecurity(snapshot: ClusterSnapshot): readonly Finding[] {
  if (snapshot.installed === undefined) return [];
  return meshedNamespaces(snapshot).flatMap(({ metadata: { name, labels } }) => {
    const problem = podSecurityProblem(name, labels);
    if (problem === undefined) return [];
    const remedy = `kubectl label namespace ${name} ${podSecurityLabel}=privileged --overwrite`;
    return [error("Pod Security", problem.message, remedy)];
  });
}
