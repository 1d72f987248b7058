import type { ServicePortReference } from "../service.ts";
import type { IstioDestination } from "./virtual-service.ts";

/** The service port that a destination means, as seen from the object's namespace; undefined when there is none. */
export type ResolveDestination = (
  destination: IstioDestination,
  namespace: string,
) => ServicePortReference | undefined;
