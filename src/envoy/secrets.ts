// Certificates → Envoy secrets.
import { create } from "@bufbuild/protobuf";
import {
  type Secret,
  SecretSchema,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import { trustBundleSecret, workloadSecret } from "./names.ts";

/** A proxy's own certificate and key, PEM. */
export function workloadCertificate(chainPem: string, keyPem: string): Secret {
  return create(SecretSchema, {
    name: workloadSecret,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "inlineString", value: chainPem } },
        privateKey: { specifier: { case: "inlineString", value: keyPem } },
      },
    },
  });
}

/** The roots that proxies trust, PEM. */
export function trustBundle(rootPem: string): Secret {
  return create(SecretSchema, {
    name: trustBundleSecret,
    type: {
      case: "validationContext",
      value: { trustedCa: { specifier: { case: "inlineString", value: rootPem } } },
    },
  });
}
