import type { ClientTls } from "#model/istio/destination-rule.ts";
import { objectKey } from "#model/reference.ts";
import { isHttp, type MeshService } from "#model/service.ts";
import { type CheckFinding, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { selected } from "./inputs.ts";
import type { PolicyContext } from "./policy-context.ts";

/**
 * TLS of a server's own passes the server's sidecar and ends at the application: one in the mesh whose port is declared
 * HTTP speaks none. `concerns`: the ports that the policy is for.
 */
export function checkTlsToApplications(
  { mode }: ClientTls,
  field: string,
  context: PolicyContext,
  concerns: (port: number) => boolean,
): readonly CheckFinding[] {
  if (mode !== "SIMPLE" && mode !== "MUTUAL") return [];
  return context.services.flatMap((service) => {
    const ports = service.ports.filter(({ port, protocol }) => concerns(port) && isHttp(protocol));
    if (ports.length === 0 || !isInMesh(service, context)) return [];
    const numbers = listed(ports.map(({ port }) => port));
    const message = `starts TLS with the application behind port ${numbers} of Service ${objectKey(service)}, which is declared HTTP; leave it out, as sidecars encrypt by themselves, or give the port appProtocol: https`;
    return [warning(`${field}.mode`, message)];
  });
}

/** Whether there are pods, and all have sidecars. */
function isInMesh({ kind, external, namespace, selector }: MeshService, { inputs, fetch }: PolicyContext) {
  if (kind !== "Service" || external) return false;
  const pods = selected(inputs, fetch, namespace, selector).filter((each) => each.kind === "Pod");
  return pods.length > 0 && pods.every(({ sidecar }) => sidecar);
}
