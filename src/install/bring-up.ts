// Makes a cluster what the settings say: a first installation, an upgrade, or another way to inject.
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { admission } from "./admission.ts";
import { applyAll, presentAmong, remove, replacedObjects } from "./apply.ts";
import { controlPlane } from "./manifests.ts";
import { waitForRollout } from "./rollout.ts";
import type { InstallationSettings } from "./settings.ts";
import { waitForTrust } from "./trusted-webhooks.ts";

/** Runs a step and shows it; the step tells how far it is. */
export type RunStep = <T>(name: string, work: (progress: (text: string) => void) => Promise<T>) => Promise<T>;

const rolloutTimeoutMs = 180_000;
const trustTimeoutMs = 30_000;
/** API servers look for new policies and webhooks about once a second. */
const noticedAfterMs = 3_000;

/** Throws with what to do if a step does not succeed; another run goes on from there. */
export async function bringUp(
  client: KubernetesClient,
  settings: InstallationSettings,
  run: RunStep,
): Promise<void> {
  const objects = controlPlane(settings);
  const calling = admission(settings);
  const replaced = replacedObjects(settings);
  await run(`apply ${objects.length} objects of the control plane`, () => applyAll(client, objects));
  await run("wait for the control plane", (onProgress) =>
    waitForRollout(client, { timeoutMs: rolloutTimeoutMs, onProgress }),
  );
  await run(`switch on injection by ${settings.injection}`, async () => {
    await applyAll(client, calling);
    await waitForTrust(client, calling, trustTimeoutMs);
    const present = await presentAmong(client, replaced);
    if (present.length === 0) return;
    // At no moment is there a pod that nobody would inject; twice is as good as once.
    await sleep(noticedAfterMs);
    for (const object of present) await remove(client, object);
  });
}
