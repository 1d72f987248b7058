// What a traffic policy makes of a cluster.
import type { Fetch } from "#collections/graph.ts";
import type { ClientTls, TlsOrigination } from "#model/client-tls.ts";
import type { TrafficPolicy } from "#model/policy.ts";
import { present } from "#model/present.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshEndpoint } from "#model/workload.ts";
import type { Client } from "../clients/clients.ts";
import { missingCredential } from "../clients/credentials.ts";
import type { Spread } from "../endpoints/localities.ts";
import type { Mesh } from "../mesh.ts";
import type { ClusterEndpoints, ClusterView, ServiceAccountLabel, TunnelView } from "../views.ts";

/** Endpoints, unless the policy leaves them to the address that was dialled, or they cannot be reached. */
export function reachedBy(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  policy: TrafficPolicy,
  endpoints: ClusterEndpoints,
): ClusterEndpoints {
  if (lacksCertificates(mesh, fetch, client, policy)) return { kind: "none" };
  const dialled = policy.balancing?.method?.kind === "passthrough" && endpoints.kind === "listed";
  return dialled ? { kind: "asDialled" } : endpoints;
}

/** A cluster whose certificates are not there has no endpoints: without them Envoy would let requests wait. */
export function lacksCertificates(mesh: Mesh, fetch: Fetch, client: Client, { tls }: TrafficPolicy): boolean {
  return (
    tls?.kind === "origination" &&
    missingCredential(mesh.routing, fetch, client.namespace, tls.to) !== undefined
  );
}

/** TLS of a server's own ends behind the sidecar that it may have. */
export function reachesUnmeshed({ tls }: TrafficPolicy, endpoints: readonly MeshEndpoint[]): boolean {
  return tls?.kind === "origination" || endpoints.some((endpoint) => !endpoint.meshed);
}

/** What few clusters have. `names`: those of the servers' certificates, where the policy gives none. */
export function viewOfPolicy(
  policy: TrafficPolicy,
  spread: Spread | undefined,
  names: readonly string[],
): Partial<ClusterView> {
  const { balancing, connectionPool, outlierDetection, retryBudget, tls, proxyProtocol } = policy;
  return present({
    origination: tls?.kind === "origination" ? named(tls.to, names) : undefined,
    slowStart: balancing?.slowStart,
    weighsLocalities: spread?.kind === "shares" || spread?.kind === "ownZone" ? (true as const) : undefined,
    connectionPool,
    outlierDetection,
    retryBudget,
    proxyProtocol,
  });
}

function named(origination: TlsOrigination, names: readonly string[]): TlsOrigination {
  return names.length === 0 ? origination : { subjectAltNames: names, ...origination };
}

/** The HTTP version is that which the proxy's port declares. */
export function tunnelView(
  { tunnel, connectionPool }: TrafficPolicy,
  service: MeshService | undefined,
  port: number,
): TunnelView | undefined {
  if (tunnel === undefined) return undefined;
  const { method, host } = tunnel;
  const declared = service?.ports.find((each) => each.port === port);
  const http2 = declared?.http2 === true || connectionPool?.alwaysHttp2 === true;
  const target = `${host.includes(":") ? `[${host}]` : host}:${tunnel.port}`;
  return { method, target, ...(http2 ? { http2 } : {}) };
}

/** Mutual TLS with endpoints in the mesh, unless something else is asked for. */
export function meshTls(
  port: number,
  subset: string,
  hostname: string,
  endpoints: readonly MeshEndpoint[],
  asked?: ClientTls,
): ClusterView["tls"] {
  if (asked?.kind === "none" || asked?.kind === "origination") return undefined;
  const accounts = new Map<string, ServiceAccountLabel>();
  for (const { meshed, namespace, serviceAccount } of endpoints) {
    // Where plaintext is no way out, whoever is written down must prove to be who is written down.
    if (meshed || (asked !== undefined && serviceAccount !== ""))
      accounts.set(`${namespace}/${serviceAccount}`, { namespace, serviceAccount });
  }
  if (accounts.size === 0 && asked === undefined) return undefined;
  return {
    sni: asked?.sni ?? `outbound_.${port}_.${subset}_.${hostname}`,
    serviceAccounts: [...accounts.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, label]) => label),
    ...(asked === undefined ? {} : { always: true, ...present({ subjectAltNames: asked.subjectAltNames }) }),
  };
}
