/** What becomes of traffic to destinations that are not known: it goes where the application dialled, or is refused. */
export type OthersPolicy = "passthrough" | "refuse";

/** What telemetry calls it: Istio's names. */
export const othersLabels = {
  passthrough: { hostname: "", name: "PassthroughCluster", namespace: "" },
  refuse: { hostname: "", name: "BlackHoleCluster", namespace: "" },
} as const;
