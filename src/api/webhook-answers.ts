import type { Collection } from "#collections/graph.ts";
import type { CheckInputs } from "#compile/checks/inputs.ts";
import { type AdmissionEvent, admitPod } from "#injector/admission.ts";
import type { InjectionSettings } from "#injector/settings.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import { admitObject } from "./admit-object.ts";
import type { WebhookAnswers } from "./webhooks.ts";

export interface WebhookAnswersOptions {
  readonly settings: InjectionSettings;
  readonly namespaces: Collection<Namespace>;
  readonly checkInputs: CheckInputs;
  /** Tells people what became of a pod. */
  readonly report: (event: AdmissionEvent) => void;
  readonly onFault: (error: unknown) => void;
}

/** What a control plane answers the API server, from what it knows of the cluster at that moment. */
export function webhookAnswers(options: WebhookAnswersOptions): WebhookAnswers {
  const { settings, namespaces, checkInputs, report, onFault } = options;
  return {
    injection: (review, selectedBy) => {
      const labelsOf = (name: string) => namespaces.get(name)?.metadata.labels;
      const admission = admitPod(review, { settings, selectedBy, labelsOf });
      if (admission.kind === "answered") for (const event of admission.events) report(event);
      return admission;
    },
    validation: (review) => admitObject(review, checkInputs),
    onFault,
  };
}
