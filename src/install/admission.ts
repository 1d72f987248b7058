import { admissionPolicies } from "#injector/policy/policies.ts";
import { webhookConfigurations } from "#injector/webhook-configurations.ts";
import { injectionWebhook } from "#model/installation.ts";
import { installationLabels, type Manifest } from "./object.ts";
import { type InstallationSettings, injectionSettings } from "./settings.ts";

/** What makes the API server inject pods in the chosen way, and refuse what cannot work. */
export function admission(settings: InstallationSettings): readonly Manifest[] {
  const webhooks = webhookConfigurations();
  const objects =
    settings.injection === "webhook"
      ? webhooks
      : // Routes are validated by the control plane in any case: no expression could say what is wrong with them.
        [
          ...admissionPolicies(injectionSettings(settings)),
          ...webhooks.filter(({ metadata }) => metadata.name !== injectionWebhook),
        ];
  const labels = installationLabels(settings.version);
  return objects.map((object) => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
  }));
}
