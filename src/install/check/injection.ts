// Whether pods that are created now get their sidecar.
import { decideInjection } from "#injector/decision.ts";
import { systemNamespace } from "#model/installation.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { count, error, type Finding, ok, someOf, warning } from "./finding.ts";
import type { ClusterSnapshot, WebhookConfiguration } from "./snapshot.ts";

const logs = `kubectl -n ${systemNamespace} logs deploy/heddle`;

export function checkInjection(snapshot: ClusterSnapshot): readonly Finding[] {
  const { installed, injectionWebhook, injectionPolicy, roots } = snapshot;
  if (installed === undefined) return [];
  const subject = "injection";
  const hasPolicy = injectionPolicy.policy || injectionPolicy.binding;
  if (injectionWebhook === undefined && !hasPolicy) {
    return [error(subject, "neither webhook nor policy is there: new pods get no sidecar", "heddle install")];
  }
  if (injectionWebhook !== undefined && hasPolicy) {
    return [
      warning(
        subject,
        "both the webhook and the policy are there",
        "heddle install with the --injection that you want",
      ),
    ];
  }
  if (injectionWebhook === undefined) {
    return injectionPolicy.policy && injectionPolicy.binding
      ? [ok(subject, "by policy")]
      : [
          error(
            subject,
            "the policy or its binding is missing: new pods get no sidecar",
            "heddle install --injection=policy",
          ),
        ];
  }
  return (
    caBundleFindings(injectionWebhook, roots, "pods of meshed namespaces cannot be created") ?? [
      ok(subject, "by webhook"),
    ]
  );
}

export function checkValidation({
  installed,
  validationWebhook,
  roots,
}: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  if (validationWebhook === undefined) {
    return [
      warning(
        "validation",
        "its webhook is missing: wrong routes are not refused, only reported",
        "heddle install",
      ),
    ];
  }
  return (
    caBundleFindings(validationWebhook, roots, "wrong routes are not refused, only reported") ?? [
      ok("validation", "wrong routes and policies are refused"),
    ]
  );
}

/** Undefined if the API server can trust the webhooks. */
function caBundleFindings(
  { metadata, webhooks = [] }: WebhookConfiguration,
  roots: string | undefined,
  consequence: string,
): readonly Finding[] | undefined {
  const bundles = webhooks.map(({ clientConfig }) =>
    Buffer.from(clientConfig.caBundle ?? "", "base64").toString(),
  );
  if (bundles.some((bundle) => bundle === "")) {
    return [
      error("webhook", `${metadata.name} has no caBundle, which the leader writes: ${consequence}`, logs),
    ];
  }
  if (roots !== undefined && bundles.some((bundle) => !bundle.includes(roots.trim()))) {
    return [
      error(
        "webhook",
        `the caBundle of ${metadata.name} is not of the mesh's authority: ${consequence}`,
        logs,
      ),
    ];
  }
  return undefined;
}

/** The namespaces in which a pod that says nothing itself gets a sidecar. In one that is ending no pod can be created. */
export function meshedNamespaces({
  namespaces,
}: Pick<ClusterSnapshot, "namespaces">): readonly KubernetesObject[] {
  return namespaces.filter(({ metadata }) => {
    const silent: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "any", namespace: metadata.name },
      spec: { containers: [] },
    };
    return metadata.deletionTimestamp === undefined && decideInjection(silent, metadata).inject;
  });
}

export function checkNamespaces(snapshot: ClusterSnapshot): readonly Finding[] {
  if (snapshot.installed === undefined) return [];
  const names = meshedNamespaces(snapshot).map(({ metadata }) => metadata.name);
  if (names.length === 0) {
    return [
      warning(
        "namespaces",
        "none is in the mesh yet",
        "kubectl label namespace NAME heddle.dev/inject=enabled",
      ),
    ];
  }
  return [
    ok("namespaces", `${names.length} in the mesh: ${someOf(names)}`),
    ...checkTrustBundles(snapshot, names),
  ];
}

function checkTrustBundles(
  { trustBundles, roots }: ClusterSnapshot,
  names: readonly string[],
): readonly Finding[] {
  const subject = "trust bundles";
  const missing = names.filter((name) => !trustBundles.has(name));
  const old = names.filter((name) => {
    const bundle = trustBundles.get(name);
    return bundle !== undefined && roots !== undefined && !bundle.includes(roots.trim());
  });
  const findings = [
    ...(missing.length === 0
      ? []
      : [
          error(
            subject,
            `missing in ${count(missing.length, "namespace")} (${someOf(missing)}): pods cannot start there`,
            logs,
          ),
        ]),
    ...(old.length === 0
      ? []
      : [
          error(
            subject,
            `of another authority in ${count(old.length, "namespace")} (${someOf(old)}): proxies cannot connect`,
            logs,
          ),
        ]),
  ];
  return findings.length > 0 ? findings : [ok(subject, "in every namespace of the mesh")];
}
