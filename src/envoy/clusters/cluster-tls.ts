// How the connections of a cluster are opened: mutual TLS inside the mesh, TLS of the server's own, plaintext.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { TransportSocketSchema } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { ProxyProtocolConfig_Version } from "@heddle/envoy-api/envoy/config/core/v3/proxy_protocol";
import { ProxyProtocolUpstreamTransportSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol";
import { RawBufferSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer";
import type { ClusterView, MeshTls } from "#compile/views.ts";
import { extension, type Init } from "../messages.ts";
import { clusterName, httpAlpn, tcpAlpn } from "../names.ts";
import { originatedTls, upstreamTls } from "../tls/tls.ts";
import { reachedInPlaintext } from "./endpoints.ts";

type Socket = MessageInitShape<typeof TransportSocketSchema>;
type Sockets = Pick<Init<typeof ClusterSchema>, "transportSocket" | "transportSocketMatches">;

const plaintext = extension("raw_buffer", RawBufferSchema, {});

/** The transport sockets of a cluster. None at all is plaintext. */
export function transportSockets(view: ClusterView, trustDomain: string): Sockets {
  const { tls, origination, proxyProtocol, shares } = view;
  // Nothing is connected to, and a certificate that is not there would be waited for.
  if (view.endpoints.kind === "none") return {};
  if (shares !== undefined) return { transportSocketMatches: socketsOfShares(view, shares, trustDomain) };
  if (origination !== undefined) {
    return { transportSocket: announced(originatedTls(origination, serverName(view)), proxyProtocol) };
  }
  if (tls === undefined) {
    return proxyProtocol === undefined ? {} : { transportSocket: announced(plaintext, proxyProtocol) };
  }
  const meshed = meshSocket(view, tls, trustDomain);
  if (tls.always === true) return { transportSocket: meshed };
  // Nothing is known of what is dialled but that all endpoints of the service are alike.
  if (view.endpoints.kind === "asDialled") return view.reachesUnmeshed ? {} : { transportSocket: meshed };
  return {
    transportSocket: meshed,
    transportSocketMatches: [plaintextMatch(announced(plaintext, proxyProtocol))],
  };
}

function plaintextMatch(transportSocket: Socket) {
  return { name: "plaintext", match: reachedInPlaintext, transportSocket };
}

/** An endpoint says in its metadata which share it belongs to. The first match counts. */
function socketsOfShares(
  view: ClusterView,
  shares: NonNullable<ClusterView["shares"]>,
  trustDomain: string,
): NonNullable<Sockets["transportSocketMatches"]> {
  const ofShare = ({ cluster, tls }: (typeof shares)[number]) => {
    const destination = clusterName(cluster);
    return {
      name: `mesh ${destination}`,
      match: { destination },
      transportSocket: meshSocket(view, tls, trustDomain),
    };
  };
  return [
    ...shares.filter(({ tls }) => tls.always === true).map(ofShare),
    plaintextMatch(plaintext),
    ...shares.filter(({ tls }) => tls.always !== true).map(ofShare),
  ];
}

/** What TLS is told of the server where no request says it. */
function serverName({ protocol, service }: ClusterView): string | undefined {
  if (protocol !== "tcp" || service === undefined) return undefined;
  return service.hostname.includes("*") || service.hostname === "" ? undefined : service.hostname;
}

function meshSocket(view: ClusterView, tls: MeshTls, trustDomain: string): Socket {
  return upstreamTls({
    ...tls,
    alpn: view.protocol === "http" ? httpAlpn : tcpAlpn,
    trustDomain,
  });
}

/** Sidecars take no header of the PROXY protocol: only servers outside the mesh are sent one. */
function announced(socket: Socket, version: ClusterView["proxyProtocol"]): Socket {
  if (version === undefined) return socket;
  return extension("upstream_proxy_protocol", ProxyProtocolUpstreamTransportSchema, {
    config: {
      version: version === 1 ? ProxyProtocolConfig_Version.V1 : ProxyProtocolConfig_Version.V2,
    },
    transportSocket: socket,
  });
}
