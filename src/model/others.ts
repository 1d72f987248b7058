/** What becomes of traffic to destinations that are not known: it goes where the application dialled, or is refused. */
export type OthersPolicy = "passthrough" | "refuse";

/** What telemetry calls it: Istio's names. */
export const othersLabels = {
  passthrough: { hostname: "", name: "PassthroughCluster", namespace: "" },
  refuse: { hostname: "", name: "BlackHoleCluster", namespace: "" },
} as const;

/** Istio's words for it. https://istio.io/latest/docs/reference/config/networking/sidecar/#OutboundTrafficPolicy-Mode */
export const outboundTrafficModes = ["ALLOW_ANY", "REGISTRY_ONLY"] as const;
export type OutboundTrafficMode = (typeof outboundTrafficModes)[number];

/** What a word of Istio's means. */
export function othersPolicyOf(mode: OutboundTrafficMode): OthersPolicy {
  return mode === "ALLOW_ANY" ? "passthrough" : "refuse";
}

/** Whether a text is one of the words; for command lines. */
export function isOutboundTrafficMode(text: string): text is OutboundTrafficMode {
  return outboundTrafficModes.some((mode) => mode === text);
}
