import type { KubernetesClient } from "#kubernetes/client.ts";
import { reflect } from "./reflector.ts";

/** A kind that is there only while its CustomResourceDefinition is. */
export interface CustomKind {
  /** The name of the definition: `httproutes.gateway.networking.k8s.io`. */
  readonly definition: string;
  /** It is there now; `signal` aborts when it goes. */
  readonly installed: (signal: AbortSignal) => void;
  /** It is not there, or no more. */
  readonly missing: () => void;
}

/**
 * Tells which kinds are installed, from now until `signal` aborts. The definitions themselves decide, not whether the
 * server happens to know the path of a kind: a server that starts does not know all at first.
 */
export function followDefinitions(
  client: KubernetesClient,
  kinds: readonly CustomKind[],
  onState: (error: Error | undefined) => void,
  signal: AbortSignal,
): void {
  const running = new Map<CustomKind, AbortController>();
  const put = (kind: CustomKind, isInstalled: boolean): void => {
    const present = running.get(kind);
    if (isInstalled && present === undefined) {
      const controller = new AbortController();
      running.set(kind, controller);
      kind.installed(AbortSignal.any([signal, controller.signal]));
    } else if (!isInstalled) {
      present?.abort();
      running.delete(kind);
      kind.missing();
    }
  };
  void reflect(
    client,
    {
      path: async () => "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      metadataOnly: true,
      keep: () => true,
      replace: (definitions) => {
        for (const kind of kinds) put(kind, definitions.has(kind.definition));
      },
      change: (name, definition) => {
        for (const kind of kinds.filter((each) => each.definition === name))
          put(kind, definition !== undefined);
      },
      onState,
    },
    signal,
  );
}
