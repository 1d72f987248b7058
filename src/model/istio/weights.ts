import { largestCount } from "../counts.ts";
import { type FieldFault, faultOf } from "../field-fault.ts";

/** What weights of destinations cannot be. A single destination needs none. */
export function weightFaults(route: readonly { readonly weight?: number }[] = []): readonly FieldFault[] {
  const negative = route.flatMap(({ weight = 0 }, index) =>
    faultOf(`route[${index}].weight`, weight < 0 ? `${weight} is no weight; use 0 or more` : undefined),
  );
  if (negative.length > 0 || route.length < 2) return negative;
  const total = route.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (total === 0) return faultOf("route", "the weights add up to 0; give the destinations weights");
  return faultOf(
    "route",
    total > largestCount ? `the weights add up to more than ${largestCount}; use smaller ones` : undefined,
  );
}
