import type { Fetch } from "#collections/graph.ts";
import type { Container, PodSpec, Volume } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import type { LocalCheckInputs } from "./inputs.ts";

/** What a pod needs to start; `field` is where its spec stands in the object. */
export function checkPodSpec(
  object: KubernetesObject,
  spec: PodSpec,
  field: string,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const namespace = object.metadata.namespace ?? "default";
  // An empty name is the default one, as for the API server.
  const account = spec.serviceAccountName || "default";
  const { serviceAccounts } = inputs.objects;
  const withoutAccount =
    account !== "default" && fetch.get(serviceAccounts, `${namespace}/${account}`) === undefined;
  return [
    ...(withoutAccount
      ? [
          warning(
            `${field}.serviceAccountName`,
            `there is no ServiceAccount ${namespace}/${account}; define it`,
          ),
        ]
      : []),
    ...configurationReferences(spec, field).flatMap((needed) => {
      const from = needed.kind === "ConfigMap" ? inputs.objects.configMaps : inputs.objects.secrets;
      return fetch.get<unknown>(from, `${namespace}/${needed.name}`) === undefined
        ? [error(needed.field, `there is no ${needed.kind} ${namespace}/${needed.name}; define it`)]
        : [];
    }),
    ...volumeMounts(spec, field),
  ];
}

interface ConfigurationReference {
  readonly kind: "ConfigMap" | "Secret";
  readonly name: string;
  readonly field: string;
}

type Named = { readonly name: string; readonly optional?: boolean } | undefined;

function reference(
  kind: "ConfigMap" | "Secret",
  named: Named,
  field: string,
): readonly ConfigurationReference[] {
  return named === undefined || named.optional === true ? [] : [{ kind, name: named.name, field }];
}

/** ConfigMaps and Secrets without which the pod does not start. */
function configurationReferences(spec: PodSpec, field: string): readonly ConfigurationReference[] {
  return [
    ...allContainers(spec, field).flatMap(({ container, at }) => referencesOfContainer(container, at)),
    ...(spec.volumes ?? []).flatMap((volume, index) =>
      referencesOfVolume(volume, `${field}.volumes[${index}]`),
    ),
  ];
}

function referencesOfContainer({ env, envFrom }: Container, at: string): readonly ConfigurationReference[] {
  return [
    ...(env ?? []).flatMap(({ valueFrom }, index) => [
      ...reference(
        "ConfigMap",
        valueFrom?.configMapKeyRef,
        `${at}.env[${index}].valueFrom.configMapKeyRef.name`,
      ),
      ...reference("Secret", valueFrom?.secretKeyRef, `${at}.env[${index}].valueFrom.secretKeyRef.name`),
    ]),
    ...(envFrom ?? []).flatMap(({ configMapRef, secretRef }, index) => [
      ...reference("ConfigMap", configMapRef, `${at}.envFrom[${index}].configMapRef.name`),
      ...reference("Secret", secretRef, `${at}.envFrom[${index}].secretRef.name`),
    ]),
  ];
}

function referencesOfVolume(volume: Volume, at: string): readonly ConfigurationReference[] {
  const { configMap, secret, projected } = volume;
  const namedSecret = secret === undefined ? undefined : { ...secret, name: secret.secretName };
  return [
    ...reference("ConfigMap", configMap, `${at}.configMap.name`),
    ...reference("Secret", namedSecret, `${at}.secret.secretName`),
    ...(projected?.sources ?? []).flatMap((source, index) => [
      ...reference("ConfigMap", source.configMap, `${at}.projected.sources[${index}].configMap.name`),
      ...reference("Secret", source.secret, `${at}.projected.sources[${index}].secret.name`),
    ]),
  ];
}

function volumeMounts(spec: PodSpec, field: string): readonly CheckFinding[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  return allContainers(spec, field).flatMap(({ container, at }) =>
    (container.volumeMounts ?? []).flatMap(({ name }, index) =>
      volumes.has(name)
        ? []
        : [
            error(
              `${at}.volumeMounts[${index}].name`,
              `the pod has no volume ${name}; define it under volumes`,
            ),
          ],
    ),
  );
}

function allContainers(
  spec: PodSpec,
  field: string,
): readonly { readonly container: Container; readonly at: string }[] {
  return [
    ...(spec.initContainers ?? []).map((container, index) => ({
      container,
      at: `${field}.initContainers[${index}]`,
    })),
    ...spec.containers.map((container, index) => ({ container, at: `${field}.containers[${index}]` })),
  ];
}
