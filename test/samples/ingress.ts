// The gateways that Istio's documentation presupposes: pods with the label `istio: ingressgateway`, or `egressgateway`, and
// their Services.
const namespace = "istio-system";
/** The Deployment of the ingress gateway. */
export const INGRESS_WORKLOAD = "istio-ingressgateway";

/** As https://istio.io/latest/docs/setup/additional-setup/gateway/ deploys one, with the ports of Istio's own. */
function gatewayObjects(role: string, ports: readonly object[]): readonly object[] {
  const name = `istio-${role}`;
  const labels = { istio: role };
  return [
    { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { selector: labels, ports } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: {
            annotations: { "inject.istio.io/templates": "gateway" },
            labels: { ...labels, "sidecar.istio.io/inject": "true" },
          },
          spec: { containers: [{ name: "istio-proxy", image: "auto" }] },
        },
      },
    },
  ];
}

const http2 = { name: "http2", port: 80, targetPort: 8080 };

export const ingressGateway = gatewayObjects("ingressgateway", [
  http2,
  { name: "tcp", port: 31400, targetPort: 31400 },
]);
export const egressGateway = gatewayObjects("egressgateway", [http2]);

/** Where the ingress gateway is reached. */
export const INGRESS = `${INGRESS_WORKLOAD}.${namespace}`;

/** Where a Gateway of the Gateway API is reached, for which Heddle makes pods and Service. */
export function gatewayHost(gateway: string, inNamespace = "default"): string {
  return `${gateway}-heddle.${inNamespace}`;
}
