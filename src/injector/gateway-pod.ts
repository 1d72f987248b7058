/** Pod that is meant as a gateway in, gateway out: the proxy comes in the place that the pod has for it. Nothing is captured. */

import { placeholderContainer, templatesAnnotation } from "#model/kubernetes/gateway-template.ts";
import type { Container, Pod } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { Problem } from "#model/reference.ts";
import { annotationField } from "./annotations.ts";
import { maxHeapBytes } from "./bootstrap.ts";
import { gatewayContainer, lowPorts } from "./gateway.ts";
import { injectedAnnotation } from "./names.ts";
import { credentialsVolume, proxyAnnotations } from "./proxy.ts";
import type { InjectionSettings, ProxyResources } from "./settings.ts";

/** Why a pod cannot be the gateway that it asks to be; undefined where it can. */
export function gatewayProblem({ spec }: Pod): Problem | undefined {
  if (spec.containers.some(({ name }) => name === placeholderContainer || name === proxyContainerName))
    return undefined;
  const message = `a gateway needs a container ${placeholderContainer} with the image auto, in the place of which its proxy comes; add one`;
  return { severity: "error", message, field: annotationField(templatesAnnotation) };
}

/** Whether a pod is a gateway with its proxy. */
export function isInjectedGateway({ metadata, spec }: Pod): boolean {
  return (
    metadata.annotations?.[injectedAnnotation] !== undefined &&
    spec.containers.some(({ name }) => name === proxyContainerName)
  );
}

/** Puts the proxy into the place that a gateway's pod has for it. Resources and ports stay as the user wrote them. */
export function withGateway(pod: Pod, settings: InjectionSettings, resources: ProxyResources): Pod {
  const { securityContext, containers, volumes = [] } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...pod.metadata.annotations, [injectedAnnotation]: "1", ...proxyAnnotations },
    },
    spec: {
      ...pod.spec,
      securityContext: { ...securityContext, sysctls: securityContext?.sysctls ?? lowPorts },
      containers: containers.map((container) =>
        container.name === placeholderContainer ? inPlaceOf(container, settings, resources) : container,
      ),
      volumes: [...volumes, credentialsVolume],
    },
  };
}

function inPlaceOf(
  { ports = [], resources: own }: Container,
  settings: InjectionSettings,
  defaults: ProxyResources,
): Container {
  const wished = own?.limits?.["memory"];
  const resources = { ...defaults, memoryLimit: wished ?? defaults.memoryLimit };
  const container = gatewayContainer(settings, resources, maxHeapBytes(resources.memoryLimit));
  return {
    ...container,
    ports: [...(container.ports ?? []), ...ports],
    ...(own === undefined
      ? {}
      : {
          resources: {
            requests: { ...container.resources?.requests, ...own.requests },
            limits: { ...container.resources?.limits, ...own.limits },
          },
        }),
  };
}
