import type { Problem } from "#model/reference.ts";

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
export const podSecurityLabel = "pod-security.kubernetes.io/enforce";
/** Levels that allow no container to have NET_ADMIN, which the init container needs. */
export const forbiddingLevels: readonly string[] = ["baseline", "restricted"];

/**
 * Why pods of a namespace cannot be injected because of its Pod Security level; undefined if they can. Without this
 * the API server would refuse each injected pod for a container that its author does not know.
 */
export function podSecurityProblem(
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
): Problem | undefined {
  const level = labels?.[podSecurityLabel] ?? "";
  if (!forbiddingLevels.includes(level)) return undefined;
  return { severity: "error", message: podSecurityMessage(namespace, level), field: "spec" };
}

/** The message; the policy puts expressions in the place of names. */
export function podSecurityMessage(namespace: string, level: string): string {
  return (
    `namespace ${namespace} enforces the Pod Security level ${level}, which forbids NET_ADMIN to the container ` +
    `that sets up the capture of traffic; label the namespace ${podSecurityLabel}: privileged, ` +
    "or exempt the pod with the label heddle.dev/inject: disabled"
  );
}
