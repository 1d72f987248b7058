// Settings in, every object of an installation out, in the order in which they are to be applied.
import { gatewayClass, gatewayController } from "#model/installation.ts";
import { admission } from "./admission.ts";
import {
  deployment,
  disruptionBudget,
  service,
  serviceAccount,
  systemNamespaceManifest,
} from "./control-plane.ts";
import { customResourceDefinitions } from "./crds/definitions.ts";
import { clusterMeta, type Manifest } from "./object.ts";
import { accessControl } from "./rbac.ts";
import type { InstallationSettings } from "./settings.ts";

/**
 * All objects of an installation. What calls the control plane comes last: a webhook that nobody answers would hold up
 * pods.
 */
export function manifests(settings: InstallationSettings): readonly Manifest[] {
  return [...controlPlane(settings), ...admission(settings)];
}

/** All but what injects and refuses: pods are created as before. */
export function controlPlane(settings: InstallationSettings): readonly Manifest[] {
  return [
    systemNamespaceManifest(settings),
    ...customResourceDefinitions(settings.version),
    serviceAccount(settings),
    ...accessControl(settings.version),
    service(settings),
    deployment(settings),
    disruptionBudget(settings),
    ...(settings.gatewayApi ? [gatewayClassManifest(settings)] : []),
  ];
}

function gatewayClassManifest({ version }: InstallationSettings): Manifest {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GatewayClass",
    metadata: clusterMeta(gatewayClass, version),
    spec: { controllerName: gatewayController },
  };
}
