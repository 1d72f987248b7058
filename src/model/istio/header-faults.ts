import { type FieldFault, faultOf } from "../field-fault.ts";
import { headerFault, nameFault } from "../headers.ts";
import type { HeaderOperations, IstioHeaders, IstioHttpRoute } from "./virtual-service.ts";

/** The headers of a route and of its destinations that cannot be written. */
export function headerFaults({ headers, route = [] }: IstioHttpRoute): readonly FieldFault[] {
  return [
    ...faultsOf(headers, "headers"),
    ...route.flatMap((destination, index) => faultsOf(destination.headers, `route[${index}].headers`)),
  ];
}

function faultsOf(headers: IstioHeaders | undefined, field: string): readonly FieldFault[] {
  return (["request", "response"] as const).flatMap((direction) =>
    operationFaults(headers?.[direction], `${field}.${direction}`),
  );
}

function operationFaults(operations: HeaderOperations | undefined, field: string): readonly FieldFault[] {
  return [
    ...(["set", "add"] as const).flatMap((at) =>
      Object.entries(operations?.[at] ?? {}).flatMap(([name, value]) =>
        faultOf(`${field}.${at}`, headerFault(name, value)),
      ),
    ),
    ...(operations?.remove ?? []).flatMap((name) => faultOf(`${field}.remove`, nameFault(name))),
  ];
}
