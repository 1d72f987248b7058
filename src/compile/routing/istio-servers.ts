// The servers of Istio's Gateways: which are served, by which pods, and which hosts they have.
import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway, IstioServer } from "#model/istio/gateway.ts";
import { gatewaysOf, meshGateway } from "#model/istio/gateway-names.ts";
import { isServed } from "#model/istio/gateway-servers.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { hasLabels } from "#model/object.ts";
import { objectKey } from "#model/reference.ts";
import { intersection } from "../services/hostnames.ts";
import { meantHostnames } from "../services/services.ts";
import { byAge } from "./by-age.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/** A server with the Gateway that has it. */
export interface GatewayServer {
  readonly gateway: IstioGateway;
  readonly server: IstioServer;
}

/** The servers that pods with these labels have, those of the oldest Gateway first. */
export function serversOfPod(
  inputs: RoutingInputs,
  fetch: Fetch,
  labels: Readonly<Record<string, string>>,
): readonly GatewayServer[] {
  return fetch
    .all(inputs.istioGateways)
    .filter(({ spec }) => hasLabels(labels, spec.selector ?? {}))
    .sort(byAge)
    .flatMap((gateway) =>
      (gateway.spec.servers ?? []).filter(isServed).map((server) => ({ gateway, server })),
    );
}

/**
 * The hosts under which a server serves a VirtualService: the narrower of two that mean the same. `namespace/host` takes
 * VirtualServices of that namespace, `./host` those of the Gateway's own.
 * https://istio.io/latest/docs/reference/config/networking/gateway/#Server
 */
export function hostsOnServer(
  virtualService: VirtualService,
  { gateway, server }: GatewayServer,
): readonly string[] {
  const { namespace = "default" } = virtualService.metadata;
  const own = (virtualService.spec.hosts ?? []).map((host) => fullHost(host, namespace));
  const common = server.hosts.flatMap((text) => {
    const from = namespaceOf(text, gateway);
    if (from !== "*" && from !== namespace) return [];
    return own.flatMap((host) => intersection(host, hostOf(text)) ?? []);
  });
  return [...new Set(common.map((host) => host.toLowerCase()))];
}

/** The hosts of a server, without their namespaces. */
export function hostsOfServer({ hosts }: IstioServer): readonly string[] {
  return [...new Set(hosts.map((text) => hostOf(text).toLowerCase()))];
}

/** Of `host` and `namespace/host`. */
export function hostOf(text: string): string {
  return text.slice(text.indexOf("/") + 1);
}

function namespaceOf(text: string, { metadata }: IstioGateway): string {
  const namespace = text.includes("/") ? text.slice(0, text.indexOf("/")) : "*";
  return namespace === "." ? (metadata.namespace ?? "default") : namespace;
}

/** Short names are those of Services. */
function fullHost(host: string, namespace: string): string {
  return host.includes(".") || host.includes("*") ? host : (meantHostnames(host, namespace)[0] ?? host);
}

/** The keys of the Gateways that a VirtualService is for. */
export function gatewayKeysOf(virtualService: VirtualService): readonly string[] {
  return gatewaysOf(virtualService).filter((name) => name !== meshGateway);
}

/** The key by which VirtualServices name a Gateway. */
export function keyOfGateway({ metadata }: IstioGateway): string {
  return objectKey({ ...metadata, namespace: metadata.namespace ?? "default" });
}
