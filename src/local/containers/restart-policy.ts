/** How a container behaves when its process ends. */
export type Role =
  /** Runs once, to success. */
  | "init"
  /** An init container that stays: started in order, always restarted, ends last. */
  | "sidecar"
  | "application";

/** Whether a container runs again after ending with this code. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
export function restartsAfter(
  exitCode: number,
  role: Role,
  policy: "Always" | "OnFailure" | "Never" | undefined,
): boolean {
  if (role === "sidecar") return true;
  if (role === "init") return exitCode !== 0 && policy !== "Never";
  if (policy === "Never") return false;
  return policy === "OnFailure" ? exitCode !== 0 : true;
}

/** A container that ran this long has proved itself: it is restarted at once, and its count begins anew. */
const PROVEN_MS = 10_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** The pause before the next start, from the pause before this one and how long it ran. */
export function nextBackOff(previousMs: number, ranMs: number): number {
  if (ranMs >= PROVEN_MS) return 0;
  return Math.min(Math.max(previousMs * 2, FIRST_MS), LONGEST_MS);
}
