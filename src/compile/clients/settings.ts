import type { OthersPolicy } from "#model/others.ts";

/** What is set for a whole mesh, beside its objects. */
export interface MeshSettings {
  /** What becomes of traffic to destinations that nobody declares, where no Sidecar says otherwise. */
  readonly outboundTrafficPolicy: OthersPolicy;
}

export const defaultMeshSettings: MeshSettings = { outboundTrafficPolicy: "passthrough" };
