// What the load client and its worker processes say to each other.
import type { ResourceName } from "#xds/provider.ts";
import type { ProxyPlan } from "./proxy.ts";

/** Where the control plane listens. */
export interface Target {
  readonly address: string;
  /** PEM of the roots to trust; undefined for plaintext. */
  readonly rootPem: string | undefined;
  /** The name that the server's certificate has. */
  readonly serverName: string;
}

export type WorkerCommand =
  | { readonly kind: "open"; readonly target: Target; readonly plans: readonly ProxyPlan[] }
  /** Watches for the next new version of a resource on every stream. */
  | { readonly kind: "watch"; readonly resource: ResourceName }
  | { readonly kind: "reconnect" }
  | { readonly kind: "count" }
  | { readonly kind: "close" };

export type WorkerEvent =
  | { readonly kind: "ready" }
  /** Each stream's sync time and bytes received since its opening (monotonic ms). */
  | { readonly kind: "synced"; readonly times: readonly number[]; readonly bytes: readonly number[] }
  | { readonly kind: "watching" }
  /** When each stream had the watched resource (monotonic ms). */
  | { readonly kind: "arrived"; readonly times: readonly number[] }
  | { readonly kind: "counted"; readonly bytes: number; readonly errors: readonly string[] }
  | { readonly kind: "failed"; readonly message: string };
