import type { RouteDestination } from "../route.ts";
import type { ServicePortReference } from "../service.ts";
import type { RouteFilter } from "./filters.ts";
import type { BackendReference } from "./references.ts";
import { type FilterPlace, filterFaults, headerEffects, hostOf } from "./route-filters.ts";

/** The service port that a backend of a route means; undefined where it cannot be used. */
export type ResolveBackend = (backend: BackendReference) => ServicePortReference | undefined;

/** API object → domain type. */
export function routeDestination(
  backend: BackendReference & { readonly filters?: readonly RouteFilter[] },
  place: FilterPlace,
  resolve: ResolveBackend,
): RouteDestination {
  const isUsable = filterFaults(backend.filters, place, false).length === 0;
  const hostname = hostOf(backend.filters);
  return {
    service: isUsable ? resolve(backend) : undefined,
    weight: backend.weight ?? 1,
    ...(hostname === undefined ? {} : { hostname }),
    ...headerEffects(backend.filters),
  };
}
