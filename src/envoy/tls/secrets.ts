// Certificates → Envoy secrets.
import { dirname } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type Secret,
  SecretSchema,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import { trustBundleSecret, workloadSecret } from "../names.ts";

/** A proxy's own certificate and key, PEM. */
export function workloadCertificate(chainPem: string, keyPem: string): Secret {
  return tlsCertificate(workloadSecret, chainPem, keyPem);
}

/** A certificate and key, PEM. */
export function tlsCertificate(name: string, chainPem: string, keyPem: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "inlineString", value: chainPem } },
        privateKey: { specifier: { case: "inlineString", value: keyPem } },
      },
    },
  });
}

/** A certificate and key in files of the proxy's container. */
export function tlsCertificateFiles(name: string, chain: string, key: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "filename", value: chain } },
        privateKey: { specifier: { case: "filename", value: key } },
        watchedDirectory: { path: dirname(chain) },
      },
    },
  });
}

/** Authorities in a file there, and in another what they have revoked. */
export function trustedRootFile(name: string, path: string, revoked: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: {
        trustedCa: { specifier: { case: "filename", value: path } },
        ...(revoked === "" ? {} : { crl: { specifier: { case: "filename", value: revoked } } }),
        watchedDirectory: { path: dirname(path) },
      },
    },
  });
}

/** The roots that proxies trust, PEM. */
export function trustBundle(rootPem: string): Secret {
  return trustedRoots(trustBundleSecret, rootPem);
}

/** Roots, PEM, and what they have revoked. */
export function trustedRoots(name: string, rootPem: string, revokedPem?: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: {
        trustedCa: { specifier: { case: "inlineString", value: rootPem } },
        ...(revokedPem === undefined
          ? {}
          : { crl: { specifier: { case: "inlineString", value: revokedPem } } }),
      },
    },
  });
}
