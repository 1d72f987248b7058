import type { Collection } from "#collections/graph.ts";
import type { CheckInputs } from "#compile/checks/inputs.ts";
import { type AdmissionEvent, admitPod, type PodAdmission } from "#injector/admission.ts";
import { readReview } from "#injector/admission-review.ts";
import type { InjectionSettings } from "#injector/settings.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import { formatField } from "#sources/schema/field-path.ts";
import { readObject } from "#sources/schema/read-object.ts";
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
      const admission = orMalformed(review, () => admitPod(review, { settings, selectedBy, labelsOf }));
      if (admission.kind === "answered") for (const event of admission.events) report(event);
      return admission;
    },
    validation: (review) => admitObject(review, checkInputs),
    onFault,
  };
}

/**
 * The API server sends pods that it has decoded, so nobody checks them here; anybody else may send anything. What throws
 * is looked at: if it is no pod, that is the answer, and no fault of ours.
 */
function orMalformed(review: unknown, admit: () => PodAdmission): PodAdmission {
  try {
    return admit();
  } catch (error) {
    const read = readReview(review);
    const { findings } = readObject("request" in read ? structuredClone(read.request.object) : undefined);
    const wrong = findings.find(({ severity, path }) => severity === "error" && path[0] === "spec");
    if (wrong === undefined) throw error;
    return { kind: "malformed", message: `${formatField(wrong.path)}: ${wrong.message}` };
  }
}
