import { headerFault } from "../headers.ts";
import type { RouteFault } from "./route-fault.ts";
import type { IstioHeaders, IstioHttpRoute } from "./virtual-service.ts";

/** The headers of a route and of its destinations that cannot be written. */
export function headerFaults({ headers, route = [] }: IstioHttpRoute): readonly RouteFault[] {
  return [
    ...faultsOf(headers, "headers"),
    ...route.flatMap((destination, index) => faultsOf(destination.headers, `route[${index}].headers`)),
  ];
}

function faultsOf(headers: IstioHeaders | undefined, field: string): readonly RouteFault[] {
  return (["request", "response"] as const).flatMap((direction) =>
    (["set", "add"] as const).flatMap((operation) =>
      Object.entries(headers?.[direction]?.[operation] ?? {}).flatMap(([name, value]) => {
        const message = headerFault(name, value);
        return message === undefined ? [] : [{ field: `${field}.${direction}.${operation}`, message }];
      }),
    ),
  );
}
