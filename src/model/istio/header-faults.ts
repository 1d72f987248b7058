import { headerFault, nameFault } from "../headers.ts";
import type { RouteFault } from "./route-fault.ts";
import type { HeaderOperations, IstioHeaders, IstioHttpRoute } from "./virtual-service.ts";

/** The headers of a route and of its destinations that cannot be written. */
export function headerFaults({ headers, route = [] }: IstioHttpRoute): readonly RouteFault[] {
  return [
    ...faultsOf(headers, "headers"),
    ...route.flatMap((destination, index) => faultsOf(destination.headers, `route[${index}].headers`)),
  ];
}

function faultsOf(headers: IstioHeaders | undefined, field: string): readonly RouteFault[] {
  return (["request", "response"] as const).flatMap((direction) =>
    operationFaults(headers?.[direction], `${field}.${direction}`),
  );
}

function operationFaults(operations: HeaderOperations | undefined, field: string): readonly RouteFault[] {
  const found = [
    ...(["set", "add"] as const).flatMap((at) =>
      Object.entries(operations?.[at] ?? {}).map(([name, value]) => ({
        field: `${field}.${at}`,
        message: headerFault(name, value),
      })),
    ),
    ...(operations?.remove ?? []).map((name) => ({ field: `${field}.remove`, message: nameFault(name) })),
  ];
  return found.flatMap(({ message, ...at }) => (message === undefined ? [] : [{ ...at, message }]));
}
