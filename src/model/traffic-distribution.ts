import type { ObjectMeta } from "./object.ts";

/** What clients of a service prefer: endpoints of their own zone, or of their own node. */
export type TrafficDistribution = "zone" | "node";

/** https://istio.io/latest/docs/reference/config/annotations/#NetworkingTrafficDistribution */
export const distributionAnnotation = "networking.istio.io/traffic-distribution";

const words: Readonly<Record<string, TrafficDistribution>> = {
  preferclose: "zone",
  prefersamezone: "zone",
  prefersamenode: "node",
};

/** What a service says, else its annotation, else that of its namespace. */
export function trafficDistribution(
  said: string | undefined,
  object: ObjectMeta,
  namespace: ObjectMeta | undefined,
): TrafficDistribution | undefined {
  const ofService = said === undefined ? undefined : words[said.toLowerCase()];
  if (ofService !== undefined) return ofService;
  const [first] = [object, namespace].flatMap(
    (metadata) => metadata?.annotations?.[distributionAnnotation] ?? [],
  );
  return first === undefined ? undefined : words[first.toLowerCase()];
}

/** Whether it is a word that such an annotation may have. */
export function isDistribution(text: string): boolean {
  return text.toLowerCase() === "any" || text.toLowerCase() in words;
}
