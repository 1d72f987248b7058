// What of a Sidecar's ingress cannot be, or has no effect.
import type { Fetch } from "#collections/graph.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import { ingressPart } from "#model/istio/sidecar-ingress.ts";
import type { TlsTermination } from "#model/server-tls.ts";
import { missingCertificate, missingRoots } from "../clients/credentials.ts";
import { type CheckFinding, errorsAt, warning } from "../finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** The ports on which the application is reached. */
export function checkSidecarIngress(
  { metadata: { namespace = "default" }, spec }: Sidecar,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const ports = new Map<number, string>();
  return (spec.ingress ?? []).flatMap((written, index) => {
    const field = `spec.ingress[${index}]`;
    const part = ingressPart(written);
    if ("fault" in part) {
      return errorsAt(field, [part.fault]);
    }
    const first = ports.get(part.port);
    if (first !== undefined) {
      return [
        warning(
          `${field}.port.number`,
          `has no effect: ${first} has port ${part.port} already; take another`,
        ),
      ];
    }
    ports.set(part.port, field);
    return part.tls === undefined ? [] : checkSecrets(part.tls, namespace, `${field}.tls`, inputs, fetch);
  });
}

function checkSecrets(
  { certificates, clients }: TlsTermination,
  namespace: string,
  field: string,
  { routing }: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const missing = [
    ...certificates.map((certificate) => missingCertificate(routing, fetch, namespace, certificate)),
    clients && missingRoots(routing, fetch, namespace, clients.roots),
  ];
  return missing
    .filter((message) => message !== undefined)
    .map((message) =>
      warning(
        field,
        `${message}, or the control plane may not read it; connections are closed`,
        "BackendNotFound",
      ),
    );
}
