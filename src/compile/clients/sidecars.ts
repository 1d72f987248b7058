// Which Sidecar a workload has, and what it lets the workload know.

import type { Fetch, Index } from "#collections/graph.ts";
import { coversHost } from "#model/host-pattern.ts";
import { rootNamespaces } from "#model/installation.ts";
import { hasLabels } from "#model/object.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import type { HostScope, SidecarScope } from "#model/sidecar.ts";
import type { Workload } from "#model/workload.ts";

/**
 * The Sidecar of a workload: that of its namespace which selects it, else that for all of its namespace, else that of
 * the root namespace for all; of several the oldest.
 * https://istio.io/latest/docs/reference/config/networking/sidecar/
 */
export function sidecarOf(
  workload: Pick<Workload, "namespace" | "labels">,
  byNamespace: Index<SidecarScope>,
  fetch: Fetch,
): SidecarScope | undefined {
  const own = fetch.by(byNamespace, workload.namespace).toSorted(olderFirst);
  const root = rootNamespaces.flatMap((namespace) => fetch.by(byNamespace, namespace)).sort(olderFirst);
  return (
    own.find((scope) => isSelective(scope) && hasLabels(workload.labels, scope.selector)) ??
    own.find((scope) => !isSelective(scope)) ??
    root.find((scope) => !isSelective(scope))
  );
}

/** Whether a Sidecar is for some workloads of its namespace alone. */
export function isSelective({ selector }: SidecarScope): boolean {
  return Object.keys(selector).length > 0;
}

/** The order in which Sidecars for the same workloads count. */
export function olderFirst(a: SidecarScope, b: SidecarScope): number {
  return a.created.localeCompare(b.created) || objectKey(a.origin).localeCompare(objectKey(b.origin));
}

/** Whether a Sidecar lets a client of a namespace know a service's port. Hosts for a port count there alone. */
export function allowedBySidecar(
  { egress }: SidecarScope,
  clientNamespace: string,
  service: Pick<MeshService, "namespace" | "hostname">,
  port: number,
): boolean {
  if (egress === undefined) return true;
  const ofPort = egress.filter((scope) => scope.port === port);
  const scopes = ofPort.length > 0 ? ofPort : egress.filter((scope) => scope.port === undefined);
  return scopes.some(({ hosts }) => meansService(hosts, clientNamespace, service));
}

/** Whether hosts of a Sidecar mean a service to a client of a namespace. */
export function meansService(
  hosts: readonly HostScope[],
  clientNamespace: string,
  service: Pick<MeshService, "namespace" | "hostname">,
): boolean {
  return hosts.some(
    ({ namespace, host }) =>
      meansNamespace(namespace, service.namespace, clientNamespace) && coversHost(host, service.hostname),
  );
}

function meansNamespace(pattern: string, namespace: string, own: string): boolean {
  return pattern === "*" || (pattern === "." ? own : pattern) === namespace;
}
