import type { Collection } from "#collections/graph.ts";
import type { Mesh } from "#compile/mesh.ts";
import type { IssuedCertificate } from "#identity/authority.ts";

/** What resources are made of. */
export interface ProviderInputs {
  readonly mesh: Mesh;
  readonly trustDomain: string;
  /** The roots that proxies trust, PEM. */
  readonly trustBundle: Collection<string>;
  /** By `certificateKey`. */
  readonly certificates: Collection<IssuedCertificate>;
}
