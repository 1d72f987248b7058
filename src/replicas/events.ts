// What happened to somebody's object, told where its owner looks: `kubectl describe`, `kubectl get events`.
import type { AdmissionEvent } from "#injector/admission.ts";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";

export interface EventWriter {
  /** Tells of it, unless the same was told just before; never fails and never waits. */
  readonly report: (event: AdmissionEvent) => void;
}

export interface EventWriterOptions {
  readonly client: Pick<KubernetesClient, "request">;
  /** The name of this pod. */
  readonly instance: string;
  readonly onFailure: (error: unknown) => void;
  readonly now?: () => number;
}

/** The same is not told again within this. */
const repeatAfterMs = 10 * 60_000;
/** A Deployment whose pods are all refused makes one a second: others must be heard too. */
const perMinute = 60;
const remembered = 1_000;
/** The API server takes no longer notes. */
const noteLimit = 1_024;

/** Writes warnings in the name of the control plane: few, whatever happens. */
export function openEventWriter(options: EventWriterOptions): EventWriter {
  const { client, instance, onFailure, now = Date.now } = options;
  const told = new Map<string, number>();
  let allowed = perMinute;
  let refilledAt = now();
  const isNews = ({ regarding, reason, message }: AdmissionEvent): boolean => {
    const key = JSON.stringify([regarding.kind, regarding.namespace, regarding.name, reason, message]);
    const before = told.get(key);
    if (before !== undefined && now() - before < repeatAfterMs) return false;
    allowed = Math.min(perMinute, allowed + ((now() - refilledAt) / 60_000) * perMinute);
    refilledAt = now();
    if (allowed < 1) return false;
    allowed--;
    told.delete(key);
    told.set(key, now());
    for (const oldest of told.keys()) {
      if (told.size <= remembered) break;
      told.delete(oldest);
    }
    return true;
  };
  return {
    report(event) {
      if (!isNews(event)) return;
      const body = eventOf(event, instance, new Date(now()));
      // Anybody may have asked the webhook, about anything.
      const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(body.metadata.namespace)}/events`;
      client.request("POST", path, { body }).catch((error: unknown) => {
        // A namespace that is being deleted takes no events, and nobody misses them.
        if (!(error instanceof KubernetesError && error.status === 404)) onFailure(error);
      });
    },
  };
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
function eventOf({ regarding, type, reason, message }: AdmissionEvent, instance: string, time: Date) {
  const { namespace, ...rest } = regarding;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace: namespace === "" ? "default" : namespace, generateName: "heddle-" },
    eventTime: time.toISOString().replace("Z", "000Z"),
    type,
    reason,
    action: "Injecting",
    note: message.length > noteLimit ? `${message.slice(0, noteLimit - 1)}…` : message,
    regarding: namespace === "" ? rest : regarding,
    reportingController: "heddle.dev/control-plane",
    reportingInstance: instance,
  };
}
