import type { ServicePortReference } from "../service.ts";
import type { BackendReference } from "./references.ts";

/** The service port that a backend of a route means; undefined where it cannot be used. */
export type ResolveBackend = (backend: BackendReference) => ServicePortReference | undefined;
