// Which secret a name means to a proxy: its own certificate, the roots of the mesh, or what its user's objects name.
import { createHash } from "node:crypto";
import { SecretSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import type { Demand, Fetch } from "#collections/graph.ts";
import { type CredentialPart, credentialFor } from "#compile/clients/credentials.ts";
import { sidecarOfClient } from "#compile/outbound/reach.ts";
import type { IssuedCertificate } from "#identity/authority.ts";
import { certificateKey } from "#identity/workload-certificates.ts";
import type { Origin } from "#model/reference.ts";
import type { Workload } from "#model/workload.ts";
import type { Absent, Resource } from "#xds/provider.ts";
import { encodeResource } from "../encode.ts";
import { parseCredentialSecret, parseFileSecret, trustBundleSecret, workloadSecret } from "../names.ts";
import type { ProviderInputs } from "../provider-inputs.ts";
import { podKey, type ResourceKey } from "../resource-keys.ts";
import {
  tlsCertificate,
  tlsCertificateFiles,
  trustBundle,
  trustedRootFile,
  trustedRoots,
  workloadCertificate,
} from "./secrets.ts";

/** `wanted`: whose certificates are asked for; undefined while one is not there yet. */
export function secretResource(
  inputs: ProviderInputs,
  wanted: Demand<string>,
  { name, scope }: Pick<ResourceKey, "name" | "scope">,
  fetch: Fetch,
): Resource | Absent | undefined {
  if (name === trustBundleSecret) {
    const pem = fetch.get(inputs.trustBundle, "");
    return pem === undefined ? undefined : trustBundleResource(pem);
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
    : certificateResource(certificate, rootPem);
}

function namedByUser(
  { mesh }: ProviderInputs,
  workload: Workload,
  name: string,
  fetch: Fetch,
): Resource | undefined {
  const client = fetch.get(mesh.clients, podKey(workload));
  const sidecar = client && sidecarOfClient(mesh, fetch, client);
  const files = parseFileSecret(name);
  // It is the pod's own container: whoever asks could read them.
  if (files !== undefined) return fileResource(name, files, sidecar === undefined ? [] : [sidecar.origin]);
  const asked = parseCredentialSecret(name);
  if (asked === undefined || client === undefined) return undefined;
  const found = credentialFor(mesh.routing, fetch, client, sidecar, asked);
  return found === undefined ? undefined : credentialResource(name, found);
}

function trustBundleResource(pem: string): Resource {
  return encodeResource(SecretSchema, trustBundleSecret, trustBundle(pem));
}

/** Certificates out of a Secret of a user. */
function credentialResource(name: string, found: CredentialPart): Resource {
  const message =
    found.part === "certificate"
      ? tlsCertificate(name, found.chainPem, found.keyPem)
      : trustedRoots(name, found.rootsPem, found.revokedPem);
  return encodeResource(SecretSchema, name, message);
}

/** Certificates in files of the proxy's container; `origins`: what names them, for one that cannot be read is refused. */
function fileResource(
  name: string,
  files: NonNullable<ReturnType<typeof parseFileSecret>>,
  origins: readonly Origin[],
): Resource {
  const message =
    files.part === "certificate"
      ? tlsCertificateFiles(name, files.chain, files.key)
      : trustedRootFile(name, files.path, files.revoked);
  return encodeResource(SecretSchema, name, message, { origins });
}

/** Its version is who issued it and when it expires, so that another replica re-issues only what needs it. */
function certificateResource(certificate: IssuedCertificate, rootPem: string): Resource {
  const message = workloadCertificate(certificate.chainPem, certificate.keyPem.reveal());
  return encodeResource(SecretSchema, workloadSecret, message, {
    version: `${createHash("sha1").update(rootPem).digest("base64url")} ${certificate.notAfter.toISOString()}`,
  });
}

/**
 * Whether a certificate of one version may stay in the place of a newer one: of the same root, and with enough of its
 * life left to reach the newer one's renewal. A certificate is renewed at half of its life or a tenth earlier.
 */
export function mayKeepCertificate(held: string, newer: string, now: number): boolean {
  const [heldRoot, heldExpiry = ""] = held.split(" ");
  const [newerRoot, newerExpiry = ""] = newer.split(" ");
  const left = (expiry: string) => Date.parse(expiry) - now;
  return heldRoot === newerRoot && left(heldExpiry) > 0.6 * left(newerExpiry);
}
