import type { Collection, Source } from "#collections/collection.ts";
import type { Authority, IssuedCertificate } from "./authority.ts";
import { type Clock, keepRenewed } from "./renewal.ts";
import type { WorkloadIdentity } from "./spiffe.ts";

export interface WorkloadCertificatesOptions {
  /** Keys made by `certificateKey`: whose certificates somebody wants. */
  readonly demanded: Pick<Collection<string>, "keys" | "onChange">;
  /** Filled with a certificate for each demanded key, emptied of the others. */
  readonly certificates: Pick<Source<IssuedCertificate>, "set">;
  readonly authority: Pick<Authority, "issueWorkload">;
  readonly lifetimeMs: number;
  readonly onFailure: (key: string, error: unknown) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export const defaultCertificateLifetimeMs = 24 * 60 * 60 * 1000;

/** The key of an identity's certificate: names of Kubernetes objects have no slash. */
export function certificateKey(identity: WorkloadIdentity): string {
  return `${identity.namespace}/${identity.serviceAccount}/${identity.workload}`;
}

/** The identity that `certificateKey` wrote; throws for what it never writes. */
export function parseCertificateKey(key: string): WorkloadIdentity {
  const [namespace, serviceAccount, workload, more] = key.split("/");
  if (!namespace || !serviceAccount || !workload || more !== undefined) {
    throw new Error(`"${key}" is not the key of a certificate`);
  }
  return { namespace, serviceAccount, workload };
}

/**
 * Keeps a fresh certificate for every key that is demanded and drops it when it no longer is.
 * Returns how to stop; the certificates then stay as they are.
 */
export function keepWorkloadCertificates(options: WorkloadCertificatesOptions): () => void {
  const renewals = new Map<string, () => void>();
  const start = (key: string): void => {
    if (renewals.has(key)) return;
    const identity = parseCertificateKey(key);
    const stop = keepRenewed({
      issue: () => options.authority.issueWorkload(identity, options.lifetimeMs),
      use: (certificate) => options.certificates.set(key, certificate),
      onFailure: (error) => options.onFailure(key, error),
      ...(options.clock && { clock: options.clock }),
      ...(options.random && { random: options.random }),
    });
    renewals.set(key, stop);
  };
  const drop = (key: string): void => {
    renewals.get(key)?.();
    renewals.delete(key);
    options.certificates.set(key, undefined);
  };
  const unsubscribe = options.demanded.onChange((changes) => {
    for (const { key, after } of changes) {
      if (after === undefined) drop(key);
      else start(key);
    }
  });
  for (const key of options.demanded.keys()) start(key);
  return () => {
    unsubscribe();
    for (const stop of renewals.values()) stop();
    renewals.clear();
  };
}
