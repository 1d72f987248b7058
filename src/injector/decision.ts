import type { Pod } from "#model/kubernetes/pod.ts";

export type Decision = { readonly inject: true } | { readonly inject: false; readonly reason: string };

type Labels = Readonly<Record<string, string>> | undefined;

/** Kubernetes' own pods, and the control plane's, do not depend on the mesh. */
const outsideNamespaces = new Set(["kube-system", "kube-public", "kube-node-lease", "heddle-system"]);

/** In order of precedence; each as a label and as an annotation, the label first. */
const podSwitches = ["heddle.dev/inject", "sidecar.istio.io/inject"];
const namespaceSwitches = ["heddle.dev/inject", "istio-injection"];

/**
 * Whether a pod gets a sidecar, and if not, why: the namespace's label says so, the pod's own label or annotation
 * otherwise. A namespace that says `disabled` is final, as with Istio.
 */
export function decideInjection(pod: Pod, namespace: { readonly labels?: Labels }): Decision {
  const name = pod.metadata.namespace ?? "default";
  if (pod.spec.hostNetwork === true) return no("the pod uses the host's network");
  if (outsideNamespaces.has(name)) return no(`namespace ${name} is never in the mesh`);
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

/** Heddle says enabled and disabled, Istio's pods say true and false; anything else says nothing. */
function isOn(value: string | undefined): boolean | undefined {
  if (value === "enabled" || value === "true") return true;
  if (value === "disabled" || value === "false") return false;
  return undefined;
}
