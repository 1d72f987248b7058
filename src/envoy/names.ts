// Every name on the wire is made here and parsed here, nowhere else.

import type { ProbeView } from "#compile/listener-views.ts";
import type { ClusterReference } from "#compile/views.ts";
import type { Tunnel } from "#model/policy.ts";
import type { Bind } from "#model/sidecar.ts";

/** What is done to relayed connections. */
export interface Relay {
  /** How a proxy is asked for them; empty where they are merely passed on. */
  readonly method: Tunnel["method"] | "";
  /** 0: no limit. */
  readonly idleTimeoutMs: number;
  readonly maxDurationMs: number;
}

/** The one route configuration of a sidecar's outbound HTTP. */
export const outboundRouteConfiguration = "outbound";

/** Connections that go where the application dialled, in plaintext. */
export const passthroughCluster = "PassthroughCluster";

/** Has no endpoints: connections to it go nowhere. */
export const blackHoleCluster = "BlackHoleCluster";

/** Secrets by SDS: the proxy's own certificate, and the roots that it trusts. */
export const workloadSecret = "default";
export const trustBundleSecret = "ROOTCA";

const [filesPrefix, rootFilePrefix] = ["files|", "root-file|"];

/** A certificate in files of the proxy's container, read again when they change. */
export function fileSecret({ chain, key }: { readonly chain: string; readonly key: string }): string {
  return `${filesPrefix}${chain}|${key}`;
}

/** Authorities in a file there, with a file of what they have revoked. */
export function rootFileSecret(path: string, revoked = ""): string {
  return `${rootFilePrefix}${path}|${revoked}`;
}

/** The files that a name by SDS means. */
export function parseFileSecret(
  name: string,
):
  | { readonly part: "certificate"; readonly chain: string; readonly key: string }
  | { readonly part: "roots"; readonly path: string; readonly revoked: string }
  | undefined {
  const [prefix, first = "", second = "", ...rest] = name.split("|");
  if (first === "" || rest.length > 0) return undefined;
  if (`${prefix}|` === rootFilePrefix) return { part: "roots", path: first, revoked: second };
  return `${prefix}|` === filesPrefix ? { part: "certificate", chain: first, key: second } : undefined;
}

const [credentialPrefix, rootsPrefix] = ["credential|", "credential-roots|"];

/** A client's certificate out of a Secret of its namespace. */
export function credentialSecret(secret: string): string {
  return `${credentialPrefix}${secret}`;
}

/** The authorities out of a Secret of the client's namespace. */
export function credentialRootsSecret(secret: string): string {
  return `${rootsPrefix}${secret}`;
}

/** What of which Secret a name by SDS means. */
export function parseCredentialSecret(
  name: string,
): { readonly part: "certificate" | "roots"; readonly secret: string } | undefined {
  if (name.startsWith(credentialPrefix)) {
    return { part: "certificate", secret: name.slice(credentialPrefix.length) };
  }
  return name.startsWith(rootsPrefix) ? { part: "roots", secret: name.slice(rootsPrefix.length) } : undefined;
}

/** ALPN protocols between sidecars; they tell the server's sidecar what the client's has found the bytes to be. */
export const httpAlpn = "heddle-http";
export const tcpAlpn = "heddle-tcp";

/** The xDS name of the virtual host for a destination `address:port`. */
export function virtualHostName(address: string): string {
  return `${outboundRouteConfiguration}/${address}`;
}

/**
 * `outbound|9080|v1|reviews.shop.svc.cluster.local`, `outbound|8080||10.244.0.7`, `tcp|10.96.0.3:5432`,
 * `tcp|10.96.0.4:443|api.shop`, `tls|api.example.com:443`, `outbound-tcp|3306||db.example.com`, `gateway-tcp|31400`.
 */
export function clusterName(reference: ClusterReference): string {
  switch (reference.kind) {
    case "service":
      return `outbound|${reference.port}|${reference.subset}|${reference.hostname}`;
    case "address":
      return `outbound|${reference.port}||${reference.address}`;
    case "tcp":
      return `tcp|${reference.address}:${reference.port}${reference.serverName === undefined ? "" : `|${reference.serverName}`}`;
    case "tls":
      return `tls|${reference.hostname}:${reference.port}`;
    case "host":
      return `${hostClusterPrefix}${reference.port}|${reference.subset}|${reference.hostname}`;
    case "gateway":
      return `${gatewayClusterPrefix}${reference.port}`;
  }
}

const hostClusterPrefix = "outbound-tcp|";
const gatewayClusterPrefix = "gateway-tcp|";

const relayedPrefix = "relayed|";

/** Where the connections to a cluster go on after they were relayed. */
export function relayedClusterName(cluster: string): string {
  return `${relayedPrefix}${cluster}`;
}

/** The cluster that is meant by such a name, and by any other. */
export function unrelayedName(name: string): { readonly cluster: string; readonly relayed: boolean } {
  const relayed = name.startsWith(relayedPrefix);
  return { cluster: relayed ? name.slice(relayedPrefix.length) : name, relayed };
}

/** The name that Envoy itself makes for the TCP cluster of a connection's destination. */
export const tcpClusterFormat = "tcp|%DOWNSTREAM_LOCAL_ADDRESS%";

/** The same where names are told apart that TLS asks for; `-` where it asks for none. */
export const serverNameClusterFormat = `${tcpClusterFormat}|%REQUESTED_SERVER_NAME%`;

/** The name that Envoy itself makes for the cluster of a TLS server outside. */
export const tlsClusterFormat = "tls|%REQUESTED_SERVER_NAME%:%DOWNSTREAM_LOCAL_PORT%";

/** The cluster of one of the application's own ports, as Istio's tools know it. */
export function inboundClusterName(port: number | undefined): string {
  return `inbound|${port ?? ""}||`;
}

/** What is in the names of filter chains whose clients have proved who they are in the mesh, as a word. */
export const meshChains = "mesh";

/** A filter chain of a pod's own port, or of all others: `8080 mesh http`, `any tls`. */
export function inboundChainName(port: number | undefined, kind: string): string {
  return `${port ?? "any"} ${kind}`;
}

/** The port in such a name, which is also that of the route configuration; undefined for other names. */
export function parseInboundName(name: string): number | undefined {
  const port = parsePort(name.split("|")[1] ?? "");
  return port !== undefined && name === inboundClusterName(port) ? port : undefined;
}

/** What a cluster's name refers to; undefined for names that are not made by {@link clusterName}. */
export function parseClusterName(name: string): ClusterReference | undefined {
  if (name.startsWith("tcp|")) {
    const [address = "", serverName, ...rest] = name.slice("tcp|".length).split("|");
    const destination = parseAddress(address);
    if (destination === undefined || rest.length > 0) return undefined;
    return { kind: "tcp", ...destination, ...(serverName === undefined ? {} : { serverName }) };
  }
  if (name.startsWith("tls|")) {
    const [hostname = "", portText = "", ...rest] = name.slice("tls|".length).split(":");
    const port = parsePort(portText);
    return hostname === "" || port === undefined || rest.length > 0
      ? undefined
      : { kind: "tls", hostname, port };
  }
  if (name.startsWith(gatewayClusterPrefix)) {
    const port = parsePort(name.slice(gatewayClusterPrefix.length));
    return port === undefined ? undefined : { kind: "gateway", port };
  }
  const [direction, portText = "", subset = "", host = "", ...rest] = name.split("|");
  const port = parsePort(portText);
  if (port === undefined || host === "" || rest.length > 0) return undefined;
  if (name.startsWith(hostClusterPrefix)) return { kind: "host", hostname: host, port, subset };
  if (direction !== "outbound") return undefined;
  if (isIpv4(host)) return subset === "" ? { kind: "address", address: host, port } : undefined;
  return { kind: "service", hostname: host, port, subset };
}

/** The destination in the name of a virtual host, or undefined. */
export function parseVirtualHostName(name: string): { address: string; port: number } | undefined {
  const prefix = `${outboundRouteConfiguration}/`;
  return name.startsWith(prefix) ? parseAddress(name.slice(prefix.length)) : undefined;
}

function parseAddress(text: string): { address: string; port: number } | undefined {
  const [address = "", portText = "", ...rest] = text.split(":");
  const port = parsePort(portText);
  return isIpv4(address) && port !== undefined && rest.length === 0 ? { address, port } : undefined;
}

function isIpv4(text: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(text);
}

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65_536 ? port : undefined;
}

export const outboundListenerName = "outbound";
export const inboundListenerName = "inbound";
export const healthListenerName = "health";

const [egressPrefix, ingressPrefix] = ["egress|", "ingress|"];

/** A listener that a Sidecar has for its application, and its routes: `egress|127.0.0.1:9080`, `egress|unix:///run/api`. */
export function egressListenerName(at: Bind): string {
  return `${egressPrefix}${bindText(at)}`;
}

/** One that it has for those who call the application. */
export function ingressListenerName(at: Bind): string {
  return `${ingressPrefix}${bindText(at)}`;
}

function bindText(at: Bind): string {
  return at.kind === "address" ? `${at.address}:${at.port}` : `unix://${at.path}`;
}

/** Whether a name is one of {@link egressListenerName}. */
export function isEgressName(name: string): boolean {
  return name.startsWith(egressPrefix);
}

/** A gateway's listener for one port. */
export function gatewayListenerName(port: number): string {
  return `gateway|${port}`;
}

/** `relay|CONNECT|60000|0`: through which a cluster relays connections, by all that it does to them. */
export function relayName({ method, idleTimeoutMs, maxDurationMs }: Relay): string {
  return [relayPrefix, method, idleTimeoutMs, maxDurationMs].join("|");
}

/** What a relay with such a name does; undefined for other names. */
export function parseRelayName(name: string): Relay | undefined {
  const [prefix, method = "", idle, duration] = name.split("|");
  if (prefix !== relayPrefix || (method !== "" && method !== "CONNECT" && method !== "POST"))
    return undefined;
  const relay = { method, idleTimeoutMs: Number(idle), maxDurationMs: Number(duration) } as const;
  return relayName(relay) === name ? relay : undefined;
}

const relayPrefix = "relay";

/** The cluster behind one rewritten probe. */
export function probeClusterName(probe: ProbeView): string {
  return `probe|${probe.kind}|${probe.port}|${probe.kind === "grpc" ? probe.service : ""}`;
}

/** Set by a server's sidecar on a reply to a request that its application never saw: it is safe to retry. */
export const unprocessedHeader = "x-heddle-unprocessed";
