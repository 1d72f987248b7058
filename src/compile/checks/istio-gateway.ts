import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway, IstioServer } from "#model/istio/gateway.ts";
import {
  isForConnections,
  isServed,
  otherProtocols,
  servedProtocols,
  terminatesTls,
} from "#model/istio/gateway-servers.ts";
import { hasLabels } from "#model/object.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { byAge } from "../routing/by-age.ts";
import { hostOf } from "../routing/istio-servers.ts";
import { listed } from "../services/listed.ts";
import { checkHostname } from "./hostname.ts";
import type { CheckInputs } from "./inputs.ts";

/** Selector and servers of Istio's Gateway. */
export function checkIstioGateway(
  gateway: IstioGateway,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return [
    ...checkSelector(gateway, inputs, fetch),
    ...(gateway.spec.servers ?? []).flatMap((server, index) => {
      const field = `spec.servers[${index}]`;
      return [
        ...checkHosts(server, `${field}.hosts`),
        ...checkServer(server, field),
        ...checkPort(gateway, server, field, inputs, fetch),
      ];
    }),
  ];
}

function checkHosts({ hosts }: IstioServer, field: string): readonly CheckFinding[] {
  if (hosts.length === 0)
    return [error(field, "names no host, so nothing is served; * is all", "UnsupportedValue")];
  return hosts.flatMap((text, index) => {
    const host = hostOf(text);
    return host === "*" ? [] : checkHostname(host, `${field}[${index}]`);
  });
}

function checkSelector(
  { spec: { selector = {} } }: IstioGateway,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const labels = inputs.gatewayLabels.flatMap((collection) => fetch.all(collection));
  if (labels.some((each) => hasLabels(each, selector))) return [];
  const pairs = Object.entries(selector).map(([label, value]) => `${label}=${value}`);
  const none = pairs.length === 0 ? "there is no gateway" : `no gateway has the labels ${listed(pairs)}`;
  const message = `${none}; run a Deployment with ${pairs.length === 0 ? "" : "them and with "}the annotation inject.istio.io/templates: gateway, or give them to a Gateway of the Gateway API by spec.infrastructure.labels`;
  return [error("spec.selector", message, "NoMatchingParent")];
}

/** A port of a pod has one protocol: that of the server which comes first. */
function checkPort(
  gateway: IstioGateway,
  server: IstioServer,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (!isServed(server)) return [];
  const { selector = {} } = gateway.spec;
  const beside = fetch
    .all(inputs.routing.istioGateways)
    .filter(
      ({ spec }) => hasLabels(selector, spec.selector ?? {}) && hasLabels(spec.selector ?? {}, selector),
    )
    .sort(byAge)
    .flatMap((each) => (each.spec.servers ?? []).map((other) => ({ each, other })))
    .filter(({ other }) => isServed(other) && other.port.number === server.port.number);
  const [first] = beside;
  if (first === undefined || isForConnections(first.other) === isForConnections(server)) return [];
  const { each, other } = first;
  const message = `port ${server.port.number} is one of ${other.port.protocol} already, by Gateway ${objectKey(each.metadata)}; take another port`;
  return [error(`${field}.port.number`, message, "ProtocolConflict")];
}

function checkServer(server: IstioServer, field: string): readonly CheckFinding[] {
  const protocol = server.port.protocol.toUpperCase();
  if (isServed(server)) {
    const unused = Object.keys(server.tls ?? {}).filter((name) => name !== "httpsRedirect");
    return unused.length === 0
      ? []
      : [warning(`${field}.tls`, `${listed(unused)} of a server of ${protocol} has no effect`)];
  }
  if (terminatesTls(server)) {
    const message = `TLS that a server of ${protocol} ends is not supported yet, so the server is not there; pass the connections on without tls`;
    return [warning(`${field}.tls`, message, "UnsupportedProtocol")];
  }
  const at = `${field}.port.protocol`;
  const supported = `supported: ${servedProtocols.join(", ")}`;
  return otherProtocols.includes(protocol)
    ? [
        warning(
          at,
          `"${protocol}" is not supported yet, so the server is not there; ${supported}`,
          "UnsupportedProtocol",
        ),
      ]
    : [error(at, `"${server.port.protocol}" is no protocol of a server; ${supported}`, "UnsupportedValue")];
}
