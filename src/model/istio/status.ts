import type { Condition } from "../status.ts";

/** https://istio.io/latest/docs/reference/config/meta/v1alpha1/istio-status/ */
export interface IstioStatus {
  /** Of all controllers; a list that can only be written whole. */
  readonly conditions?: readonly Condition[];
}
