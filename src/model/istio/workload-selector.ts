/** Pods of the object's namespace. https://istio.io/latest/docs/reference/config/networking/sidecar/#WorkloadSelector */
export interface WorkloadSelector {
  readonly labels?: Readonly<Record<string, string>>;
}
