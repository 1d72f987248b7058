// Certificates that rules name by Secrets: those of a client's own namespace, and only those that a rule names.
import type { Collection, Demand, Fetch, Graph, Index } from "#collections/graph.ts";
import type { TlsCertificate, TlsOrigination, TlsRoots } from "#model/client-tls.ts";
import { type HostPolicy, isFor } from "#model/host-policy.ts";
import type { Secret } from "#model/kubernetes/configuration.ts";
import { type Credential, credentialOf, rootsSecretName } from "#model/kubernetes/credential.ts";
import type { SidecarScope } from "#model/sidecar.ts";
import type { Client } from "./clients.ts";

/** By `namespace/name` of a Secret, for as long as somebody wants it: `demanded` are the Secrets to be read. */
export type Credentials = Demand<Credential>;

/** Makes the lookup; `purpose` tells those of several users apart. */
export function credentialsOf(graph: Graph, secrets: Collection<Secret>, purpose: string): Credentials {
  return graph.demand(`secrets for ${purpose}`, (key, fetch) => {
    const secret = fetch.get(secrets, key);
    return secret === undefined ? undefined : credentialOf(secret);
  });
}

interface Lookup {
  readonly credentials: Credentials;
}

/** The certificate and key of a Secret. */
export function ownCertificate(
  { credentials }: Lookup,
  fetch: Fetch,
  namespace: string,
  name: string,
): Credential["certificate"] {
  return fetch.get(credentials, `${namespace}/${name}`)?.certificate;
}

/** The authorities of a Secret: in it, or in the one beside it. */
export function trustedRoots(
  { credentials }: Lookup,
  fetch: Fetch,
  namespace: string,
  name: string,
): Pick<Credential, "rootsPem" | "revokedPem"> | undefined {
  for (const secret of [rootsSecretName(name), name]) {
    const found = fetch.get(credentials, `${namespace}/${secret}`);
    if (found?.rootsPem !== undefined) return found;
  }
  return undefined;
}

/** A part of a Secret, for a proxy. */
export type CredentialPart =
  | ({ readonly part: "certificate" } & NonNullable<Credential["certificate"]>)
  | { readonly part: "roots"; readonly rootsPem: string; readonly revokedPem?: string };

/**
 * What a client is given of a Secret of its namespace. Of its namespace's Secrets a pod gets those alone that a
 * DestinationRule names which is for the pod, or its Sidecar: by itself it may read none.
 */
export function credentialFor(
  lookup: Lookup & { readonly policiesByCredential: Index<HostPolicy> },
  fetch: Fetch,
  client: Client,
  sidecar: SidecarScope | undefined,
  { part, secret }: { readonly part: CredentialPart["part"]; readonly secret: string },
): CredentialPart | undefined {
  const policies = fetch.by(lookup.policiesByCredential, secret);
  if (!policies.some((policy) => isFor(policy, client)) && !namesSecret(sidecar, secret)) return undefined;
  if (part === "certificate") {
    const found = ownCertificate(lookup, fetch, client.namespace, secret);
    return found === undefined ? undefined : { part, ...found };
  }
  const { rootsPem, revokedPem } = trustedRoots(lookup, fetch, client.namespace, secret) ?? {};
  if (rootsPem === undefined) return undefined;
  return { part, rootsPem, ...(revokedPem === undefined ? {} : { revokedPem }) };
}

function namesSecret(sidecar: SidecarScope | undefined, secret: string): boolean {
  return (sidecar?.ingress ?? []).some(({ tls }) =>
    [...(tls?.certificates ?? []), tls?.clients?.roots].some(
      (each) => each?.kind === "secret" && each.name === secret,
    ),
  );
}

/** What of a TLS client's certificates is not there, in words; undefined where all is. */
export function missingCredential(
  lookup: Lookup,
  fetch: Fetch,
  namespace: string,
  { certificate, roots }: TlsOrigination,
): string | undefined {
  return (
    (certificate && missingCertificate(lookup, fetch, namespace, certificate)) ??
    missingRoots(lookup, fetch, namespace, roots)
  );
}

/** The same of one certificate. */
export function missingCertificate(
  lookup: Lookup,
  fetch: Fetch,
  namespace: string,
  certificate: TlsCertificate,
): string | undefined {
  return certificate.kind === "secret" &&
    ownCertificate(lookup, fetch, namespace, certificate.name) === undefined
    ? `there is no Secret ${certificate.name} with tls.crt and tls.key in namespace ${namespace}`
    : undefined;
}

/** The same of authorities. */
export function missingRoots(
  lookup: Lookup,
  fetch: Fetch,
  namespace: string,
  roots: TlsRoots,
): string | undefined {
  return roots.kind === "secret" && trustedRoots(lookup, fetch, namespace, roots.name) === undefined
    ? `there is no ca.crt in Secret ${roots.name} or ${rootsSecretName(roots.name)} in namespace ${namespace}`
    : undefined;
}
