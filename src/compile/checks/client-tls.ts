import { clientTls } from "#model/istio/client-tls.ts";
import type { ClientTls } from "#model/istio/destination-rule.ts";
import { missingCredential } from "../clients/credentials.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import type { PolicyContext } from "./policy-context.ts";

/** Fields that only some modes read. */
const certificateFields = ["clientCertificate", "privateKey"] as const;
const verificationFields = ["caCertificates", "caCrl"] as const;

/** What cannot be, and what has no effect in its mode. */
export function checkClientTls(
  tls: ClientTls,
  field: string,
  { namespace, inputs, fetch }: PolicyContext,
): readonly CheckFinding[] {
  const { mode = "DISABLE", credentialName, insecureSkipVerify } = tls;
  const given = (names: readonly (keyof ClientTls)[]) => names.filter((name) => tls[name] !== undefined);
  const idle = (names: readonly (keyof ClientTls)[], because: string) =>
    given(names).map((name) => warning(`${field}.${name}`, `has no effect ${because}`));
  const files = [...certificateFields, ...verificationFields];
  switch (mode) {
    case "DISABLE":
      return idle(
        [...files, "credentialName", "subjectAltNames", "sni", "insecureSkipVerify"],
        "in mode DISABLE",
      );
    case "ISTIO_MUTUAL":
      return idle(
        [...files, "credentialName", "insecureSkipVerify"],
        "in mode ISTIO_MUTUAL: the mesh has its own",
      );
    case "SIMPLE":
    case "MUTUAL": {
      const converted = clientTls(tls);
      const missing =
        converted.kind === "origination"
          ? missingCredential(inputs.routing, fetch, namespace, converted.to)
          : undefined;
      const lacksCertificate =
        mode === "MUTUAL" && credentialName === undefined && given(certificateFields).length < 2;
      return [
        ...(mode === "SIMPLE" ? idle(certificateFields, "in mode SIMPLE; MUTUAL sends it") : []),
        ...(lacksCertificate
          ? [
              error(
                field,
                "mode MUTUAL needs a certificate: give credentialName, or clientCertificate and privateKey",
                "UnsupportedValue",
              ),
            ]
          : []),
        ...(credentialName === undefined
          ? []
          : idle(["clientCertificate", "privateKey", "caCertificates"], "beside credentialName")),
        ...(insecureSkipVerify === true
          ? idle(
              [...verificationFields, "subjectAltNames"],
              "with insecureSkipVerify: no certificate is looked at",
            )
          : []),
        ...(missing === undefined
          ? []
          : [
              warning(
                `${field}.credentialName`,
                `${missing}, or the control plane may not read it; clients of this namespace get 503`,
                "BackendNotFound",
              ),
            ]),
      ];
    }
  }
}
