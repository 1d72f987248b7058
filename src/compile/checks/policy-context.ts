import type { Fetch } from "#collections/graph.ts";
import type { MeshService } from "#model/service.ts";
import type { CheckInputs } from "./inputs.ts";

/** Whose policy it is. */
export interface PolicyContext {
  readonly namespace: string;
  readonly services: readonly MeshService[];
  readonly inputs: CheckInputs;
  readonly fetch: Fetch;
}
