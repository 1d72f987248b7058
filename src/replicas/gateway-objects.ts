import type { Collection, Graph } from "#collections/graph.ts";
import { gatewayWorkload } from "#injector/gateway.ts";
import type { InjectionSettings } from "#injector/settings.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Selection } from "./follow-objects.ts";
import { byKey } from "./keep-applied.ts";

export const gatewayFieldManager = "heddle-gateway";

/** Objects of gateways, those of other implementations among them. */
export const gatewaySelections: readonly Selection[] = [
  { apiVersion: "v1", kind: "ServiceAccount", labelSelector: gatewayNameLabel },
  { apiVersion: "apps/v1", kind: "Deployment", labelSelector: gatewayNameLabel },
  { apiVersion: "v1", kind: "Service", labelSelector: gatewayNameLabel },
];

/** Marks what was made for a Gateway, so that nothing of others is ever removed. */
const managedByLabel = { "app.kubernetes.io/managed-by": "heddle" };

export function isGatewayObjectOfOurs({ metadata }: KubernetesObject): boolean {
  const [label, value] = Object.entries(managedByLabel)[0] ?? [];
  return (
    label !== undefined &&
    metadata.labels?.[label] === value &&
    metadata.ownerReferences?.some(({ kind }) => kind === "Gateway") === true
  );
}

/** What runs the Gateways of our classes; Kubernetes removes it with the Gateway that owns it. */
export function desiredGatewayObjects(
  graph: Graph,
  gateways: Collection<Gateway>,
  classes: Collection<unknown>,
  settings: InjectionSettings,
): Collection<KubernetesObject> {
  return graph.deriveMany("objects of gateways", gateways, (gateway, fetch) => {
    const isOurs = fetch.get(classes, gateway.spec.gatewayClassName) !== undefined;
    if (!isOurs || gateway.metadata.deletionTimestamp !== undefined) return [];
    const { deployment, service, serviceAccount } = gatewayWorkload(gateway, settings);
    // How many there are is for the user or an autoscaler to say.
    const { replicas: _, ...spec } = deployment.spec;
    return byKey(
      [serviceAccount, service, { ...deployment, spec }].map((object) => ownedBy(gateway, object)),
    );
  });
}

function ownedBy(gateway: Gateway, object: KubernetesObject): KubernetesObject {
  const { name, uid = "" } = gateway.metadata;
  const { apiVersion, kind } = gateway;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, ...managedByLabel },
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
    },
  };
}
