import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway, IstioServer } from "#model/istio/gateway.ts";
import { isServed, otherProtocols, servedProtocols } from "#model/istio/gateway-servers.ts";
import { hasLabels } from "#model/kubernetes/object.ts";
import { listed } from "../listed.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** Selector and servers of Istio's Gateway. */
export function checkIstioGateway(
  gateway: IstioGateway,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return [
    ...checkSelector(gateway, inputs, fetch),
    ...(gateway.spec.servers ?? []).flatMap((server, index) => checkServer(server, `spec.servers[${index}]`)),
  ];
}

function checkSelector(
  { spec: { selector = {} } }: IstioGateway,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const labels = inputs.gatewayLabels.flatMap((collection) => fetch.all(collection));
  if (labels.some((each) => hasLabels(each, selector))) return [];
  const pairs = Object.entries(selector).map(([label, value]) => `${label}=${value}`);
  const message = `no gateway has the labels ${listed(pairs)}; run a Deployment with them and with the annotation inject.istio.io/templates: gateway, or give them to a Gateway of the Gateway API by spec.infrastructure.labels`;
  return [error("spec.selector", message, "NoMatchingParent")];
}

function checkServer(server: IstioServer, field: string): readonly CheckFinding[] {
  const protocol = server.port.protocol.toUpperCase();
  if (isServed(server)) {
    const unused = Object.keys(server.tls ?? {}).filter((name) => name !== "httpsRedirect");
    return unused.length === 0
      ? []
      : [warning(`${field}.tls`, `${listed(unused)} of a server of ${protocol} has no effect`)];
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
