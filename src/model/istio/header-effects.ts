// What a VirtualService does to headers.
import { withCommands } from "../commands.ts";
import { isHost, isOrdinary } from "../headers.ts";
import type { HeaderChanges } from "../route.ts";
import type { HeaderOperations, IstioHeaders } from "./virtual-service.ts";

export interface HeaderEffects {
  /** The Host that a backend sees: among headers it can be set, and nothing else. */
  readonly hostname: string | undefined;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

/** API type → domain type. https://istio.io/latest/docs/reference/config/networking/virtual-service/#Headers */
export function headerEffects(headers: IstioHeaders | undefined): HeaderEffects {
  const host = Object.entries(headers?.request?.set ?? {}).find(([name]) => isHost(name));
  return {
    hostname: host?.[1],
    request: headerChanges(headers?.request),
    response: headerChanges(headers?.response),
  };
}

function headerChanges(operations: HeaderOperations | undefined): HeaderChanges {
  const pairs = (record: Readonly<Record<string, string>> | undefined) =>
    Object.entries(record ?? {})
      .filter(([name]) => isOrdinary(name))
      .map(([name, value]) => ({ name, value: withCommands(value) }));
  return {
    set: pairs(operations?.set),
    add: pairs(operations?.add),
    remove: (operations?.remove ?? []).filter(isOrdinary),
  };
}
