// Which secret a name means to a proxy: its own certificate, the roots of the mesh, or what its user's objects name.
import type { Demand, Fetch } from "#collections/graph.ts";
import { credentialFor } from "#compile/credentials.ts";
import { certificateKey } from "#identity/workload-certificates.ts";
import type { Workload } from "#model/workload.ts";
import type { Absent, Resource } from "#xds/provider.ts";
import { parseCredentialSecret, parseFileSecret, trustBundleSecret, workloadSecret } from "./names.ts";
import type { ProviderInputs } from "./provider.ts";
import { podKey, type ResourceKey } from "./resource-keys.ts";
import * as resources from "./resources.ts";

/** `wanted`: whose certificates are asked for; undefined while one is not there yet. */
export function secretResource(
  inputs: ProviderInputs,
  wanted: Demand<string>,
  { name, scope }: Pick<ResourceKey, "name" | "scope">,
  fetch: Fetch,
): Resource | Absent | undefined {
  if (name === trustBundleSecret) {
    const pem = fetch.get(inputs.trustBundle, "");
    return pem === undefined ? undefined : resources.trustBundleResource(pem);
  }
  const workload = fetch.get(inputs.mesh.workloads, scope);
  if (workload === undefined) return undefined;
  if (name !== workloadSecret) return namedByUser(inputs, workload, name, fetch) ?? { kind: "absent" };
  const key = certificateKey({
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
    workload: workload.name,
  });
  fetch.get(wanted, key);
  const certificate = fetch.get(inputs.certificates, key);
  const rootPem = fetch.get(inputs.trustBundle, "");
  return certificate === undefined || rootPem === undefined
    ? undefined
    : resources.certificateResource(certificate, rootPem);
}

function namedByUser(
  { mesh }: ProviderInputs,
  workload: Workload,
  name: string,
  fetch: Fetch,
): Resource | undefined {
  const client = fetch.get(mesh.clients, podKey(workload));
  const sidecar = client?.sidecar === undefined ? undefined : fetch.get(mesh.sidecars, client.sidecar);
  const files = parseFileSecret(name);
  // It is the pod's own container: whoever asks could read them.
  if (files !== undefined)
    return resources.fileResource(name, files, sidecar === undefined ? [] : [sidecar.origin]);
  const asked = parseCredentialSecret(name);
  if (asked === undefined || client === undefined) return undefined;
  const found = credentialFor(mesh.routing, fetch, client, sidecar, asked);
  return found === undefined ? undefined : resources.credentialResource(name, found);
}
