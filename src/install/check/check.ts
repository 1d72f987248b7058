// `heddle check`, as a function: a snapshot of a cluster in, findings out.
import { checkAuthority, checkLeader, checkReplicas, checkServer } from "./control-plane.ts";
import type { Finding } from "./finding.ts";
import { checkInjection, checkNamespaces, checkValidation } from "./injection.ts";
import { checkBalancing, checkPodSecurity, checkPods } from "./pods.ts";
import { checkKinds, checkObjects } from "./routes.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

/** In the order in which things depend on each other: the first error may be the reason of the next. */
export function checkInstallation(snapshot: ClusterSnapshot): readonly Finding[] {
  return [
    checkServer,
    checkReplicas,
    checkLeader,
    checkAuthority,
    checkInjection,
    checkValidation,
    checkKinds,
    checkNamespaces,
    checkPodSecurity,
    checkBalancing,
    checkPods,
    checkObjects,
  ].flatMap((check) => check(snapshot));
}
