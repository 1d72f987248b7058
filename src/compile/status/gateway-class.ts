import type { GatewayClass } from "#model/gateway-api/gateway-class.ts";
import { gatewayController } from "#model/installation.ts";
import { holds, type Verdict } from "./conditions.ts";

/** What is said of a GatewayClass; nothing of those of other controllers. */
export function gatewayClassVerdicts({ spec }: GatewayClass): readonly Verdict[] {
  if (spec.controllerName !== gatewayController) return [];
  return [holds("Accepted", "Accepted", "Heddle runs the Gateways of this class")];
}
