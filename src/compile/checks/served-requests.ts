import { isHttp, type MeshService } from "#model/service.ts";
import { listed } from "../services/listed.ts";
import { serverFirstPorts } from "../services/services.ts";

/** Why nobody looks for requests on these ports of a service; undefined where somebody does on one of them. */
export function withoutRequests(service: MeshService, ports: readonly number[]): string | undefined {
  const found = service.ports.filter(({ port }) => ports.includes(port));
  if (found.length === 0) return "it has no ports of TCP";
  const isLookedAt = found.some(
    ({ port, protocol }) => isHttp(protocol) || (protocol === "detect" && !serverFirstPorts.includes(port)),
  );
  if (isLookedAt) return undefined;
  const declared = found.map(({ port, protocol }) => `${port} as ${protocol === "tls" ? "TLS" : "TCP"}`);
  return `it declares ${listed(declared)}, where nobody looks for requests; set appProtocol: http, or name ports http-…, if they are HTTP`;
}
