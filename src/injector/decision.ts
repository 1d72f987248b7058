/** Whether a pod gets a sidecar. The switches are data: webhooks' selectors and the policy are made of them, too. */
import { systemNamespace } from "#model/installation.ts";
import type { Pod } from "#model/kubernetes/pod.ts";

export type Decision =
  | { readonly inject: true }
  /** `wished`: namespace or pod ask for a sidecar, and it cannot be. */
  | { readonly inject: false; readonly reason: string; readonly wished?: true };

type Labels = Readonly<Record<string, string>> | undefined;

/** Kubernetes' own pods, and the control plane's, do not depend on the mesh. */
export const outsideNamespaces: readonly string[] = [
  "kube-system",
  "kube-public",
  "kube-node-lease",
  systemNamespace,
];

/** In order of precedence; each as a label and as an annotation, the label first. */
export const podSwitches: readonly string[] = ["heddle.dev/inject", "sidecar.istio.io/inject"];
/** Labels of a namespace, in order of precedence. */
export const namespaceSwitches: readonly string[] = ["heddle.dev/inject", "istio-injection"];

/** Heddle says enabled and disabled, Istio's pods say true and false; anything else says nothing. */
export const onValues: readonly string[] = ["enabled", "true"];
export const offValues: readonly string[] = ["disabled", "false"];

export const hostNetworkReason = "the pod uses the host's network, which is not the mesh's to capture";

/**
 * Whether a pod gets a sidecar, and if not, why: the namespace's label says so, the pod's own label or annotation
 * otherwise. A namespace that says `disabled` is final, as with Istio.
 */
export function decideInjection(pod: Pod, namespace: { readonly labels?: Labels }): Decision {
  const name = pod.metadata.namespace ?? "default";
  if (outsideNamespaces.includes(name)) return no(`namespace ${name} is never in the mesh`);
  const byNamespace = firstSwitch(namespaceSwitches, [["label", namespace.labels]]);
  if (byNamespace?.on === false) return no(`namespace ${name} has the ${byNamespace.where}`);
  const byPod = firstSwitch(podSwitches, [
    ["label", pod.metadata.labels],
    ["annotation", pod.metadata.annotations],
  ]);
  if (byPod?.on === false) return no(`the pod has the ${byPod.where}`);
  if (byPod === undefined && byNamespace === undefined) {
    return no(`namespace ${name} does not have the label heddle.dev/inject: enabled`);
  }
  if (pod.spec.os?.name === "windows") return no("the pod runs on Windows");
  if (pod.spec.hostNetwork === true) return { inject: false, reason: hostNetworkReason, wished: true };
  return { inject: true };
}

function no(reason: string): Decision {
  return { inject: false, reason };
}

interface Switch {
  readonly on: boolean;
  readonly where: string;
}

function firstSwitch(
  names: readonly string[],
  places: readonly (readonly [string, Labels])[],
): Switch | undefined {
  for (const name of names) {
    for (const [place, values] of places) {
      const value = values?.[name];
      const on = isOn(value);
      if (on !== undefined) return { on, where: `${place} ${name}: ${value}` };
    }
  }
  return undefined;
}

function isOn(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (onValues.includes(value)) return true;
  return offValues.includes(value) ? false : undefined;
}
