// Pods that Istio's users mean as gateways: with an annotation that says so, and a container in the place of which the
// proxy comes. https://istio.io/latest/docs/setup/additional-setup/gateway/
import type { ObjectMeta } from "../object.ts";

export const templatesAnnotation = "inject.istio.io/templates";
export const gatewayTemplate = "gateway";
/** The container that a gateway's pod has for the proxy. */
export const placeholderContainer = "istio-proxy";

/** Whether a pod, or a template of pods, is to be a gateway. */
export function isGatewayTemplate({
  metadata,
}: {
  readonly metadata?: Pick<ObjectMeta, "annotations">;
}): boolean {
  const templates = metadata?.annotations?.[templatesAnnotation] ?? "";
  return templates.split(",").some((template) => template.trim() === gatewayTemplate);
}
