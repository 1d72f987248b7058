import type { RouteDestination } from "../route.ts";
import type { RouteFilter } from "./filters.ts";
import type { BackendReference } from "./references.ts";
import type { ResolveBackend } from "./resolve-backend.ts";
import { type FilterPlace, filterFaults, headerEffects, hostOf } from "./route-filters.ts";

/** API object → domain type. */
export function routeDestination(
  backend: BackendReference & { readonly filters?: readonly RouteFilter[] },
  place: FilterPlace,
  resolve: ResolveBackend,
): RouteDestination {
  const isUsable = filterFaults(backend.filters, place, false).length === 0;
  const filters = isUsable ? backend.filters : [];
  const hostname = hostOf(filters);
  return {
    service: isUsable ? resolve(backend) : undefined,
    weight: backend.weight ?? 1,
    ...(hostname === undefined ? {} : { hostname }),
    ...headerEffects(filters),
  };
}
