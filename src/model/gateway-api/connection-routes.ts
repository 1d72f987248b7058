import type { ConnectionRoute } from "../connection-route.ts";
import type { ResolveBackend } from "./resolve-backend.ts";
import type { TcpRoute } from "./tcp-route.ts";
import type { TlsRoute } from "./tls-route.ts";

/** API object → domain type. */
export function routesOfConnectionRoute(
  route: TcpRoute | TlsRoute,
  resolve: ResolveBackend,
): readonly ConnectionRoute[] {
  const { namespace = "default", name } = route.metadata;
  const serverNames = route.kind === "TLSRoute" ? route.spec.hostnames : undefined;
  return route.spec.rules.map((rule, index) => ({
    match: serverNames === undefined ? {} : { serverNames },
    destinations: rule.backendRefs.map((backend) => ({
      service: resolve(backend),
      weight: backend.weight ?? 1,
    })),
    origin: { kind: route.kind, namespace, name, field: `spec.rules[${index}]` },
  }));
}
