import type { ConfigMap } from "#model/kubernetes/configuration.ts";

/** The ConfigMap by which a pod of any meshed namespace knows whom to trust. */
export const trustBundleConfigMap = "heddle-trust-bundle";

/** The file in that ConfigMap which Envoy reads as an SDS resource, and the secret's name in it. */
export const trustBundleFile = "trust-bundle.json";
export const trustBundleSecret = "trust-bundle";

/** What the ConfigMap holds: the roots as PEM for people and tools, and as a file that Envoy watches. */
export function trustBundleData(rootPem: string): Readonly<Record<string, string>> {
  return {
    "ca.pem": rootPem,
    [trustBundleFile]: JSON.stringify({
      resources: [
        {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          name: trustBundleSecret,
          validation_context: { trusted_ca: { inline_string: rootPem } },
        },
      ],
    }),
  };
}

/** The ConfigMap that the control plane (or the local runner) keeps in a meshed namespace. */
export function trustBundleObject(namespace: string, rootPem: string): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: trustBundleConfigMap, namespace },
    data: trustBundleData(rootPem),
  };
}
