// The gateway that Istio's documentation presupposes: pods with the label `istio: ingressgateway`, and their Service.
const namespace = "istio-system";
const labels = { istio: "ingressgateway" };
const name = "istio-ingressgateway";
/** The Deployment. */
export const INGRESS_WORKLOAD = name;

/** As https://istio.io/latest/docs/setup/additional-setup/gateway/ deploys one, with the ports of Istio's own. */
export const ingressGateway: readonly object[] = [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: {
      selector: labels,
      ports: [
        { name: "http2", port: 80, targetPort: 8080 },
        { name: "tcp", port: 31400, targetPort: 31400 },
      ],
    },
  },
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

/** Where it is reached. */
export const INGRESS = `${name}.${namespace}`;

/** Where a Gateway of the Gateway API is reached, for which Heddle makes pods and Service. */
export function gatewayHost(gateway: string, inNamespace = "default"): string {
  return `${gateway}-heddle.${inNamespace}`;
}
