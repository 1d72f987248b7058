// Which route a request took, told to whoever enforces limits of routes: the gateway itself, or the server's sidecar.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RouteView } from "#compile/views.ts";
import type { HeaderChanges } from "#model/route.ts";
import { routeHeader } from "../filters/on-demand.ts";
import { scopesMetadata } from "../filters/rate-limit.ts";
import { heddleMetadata } from "../messages.ts";

/** The changes of a request's headers with the name of its route, where limits are for it. */
export function namedRequest({ request, scopes }: RouteView): HeaderChanges {
  return scopes?.rule === undefined
    ? request
    : { ...request, set: [...request.set, { name: routeHeader, value: scopes.rule }] };
}

/** Where a route comes from, and in gateways what limits are for it. */
export function routeMetadata(
  { origins, scopes }: RouteView,
  inSidecar: boolean,
): Pick<MessageInitShape<typeof RouteSchema>, "metadata"> {
  const [origin] = origins;
  if (origin === undefined) return {};
  const { kind, namespace, name, field = "" } = origin;
  const { filterMetadata } = heddleMetadata({ kind, namespace, name, field });
  const limited = scopes === undefined || inSidecar ? {} : scopesMetadata(scopes);
  return { metadata: { filterMetadata: { ...filterMetadata, ...limited } } };
}
