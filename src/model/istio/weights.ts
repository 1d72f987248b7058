import { largestCount } from "../counts.ts";
import type { RouteFault } from "./route-fault.ts";

/** What weights of destinations cannot be. A single destination needs none. */
export function weightFaults(route: readonly { readonly weight?: number }[] = []): readonly RouteFault[] {
  const negative = route.flatMap(({ weight = 0 }, index) =>
    weight < 0 ? [fault(`route[${index}].weight`, `${weight} is no weight; use 0 or more`)] : [],
  );
  if (negative.length > 0 || route.length < 2) return negative;
  const total = route.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (total === 0) return [fault("route", "the weights add up to 0; give the destinations weights")];
  return total > largestCount
    ? [fault("route", `the weights add up to more than ${largestCount}; use smaller ones`)]
    : [];
}

function fault(field: string, message: string): RouteFault {
  return { field, message };
}
