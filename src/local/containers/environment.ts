import type { ConfigMap, Secret } from "#model/kubernetes/configuration.ts";
import type { Container, EnvironmentVariable, Pod } from "#model/kubernetes/pod.ts";

/** The objects of a pod's namespace that its containers may refer to. */
export interface Configuration {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
}

/** Either all of it, or what a container still waits for. */
export type Resolved<T> =
  | { readonly kind: "resolved"; readonly value: T }
  | { readonly kind: "missing"; readonly message: string };

/** The variables of `envFrom` and `env`, as the kubelet makes them. Pure. */
export function containerEnvironment(
  container: Container,
  pod: Pod,
  configuration: Configuration,
): Resolved<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const entries = sourceEntries(source, configuration);
    if (typeof entries === "string") return { kind: "missing", message: entries };
    for (const [key, value] of entries) variables.set(`${source.prefix ?? ""}${key}`, value);
  }
  for (const variable of container.env ?? []) {
    const found = variableValue(variable, pod, configuration, variables);
    if (found.kind === "missing") return found;
    if (found.value !== undefined) variables.set(variable.name, found.value);
  }
  return { kind: "resolved", value: variables };
}

/**
 * Replaces `$(NAME)` by the variable's value and `$$` by `$`; unknown names stay as they are.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$(\$|\(([^()]*)\))/g, (whole, next: string, name: string | undefined) =>
    next === "$" ? "$" : (variables.get(name ?? "") ?? whole),
  );
}

/** The value of a Downward API path. Throws for a path that Kubernetes does not have either: validation comes first. */
export function podField(path: string, pod: Pod): string {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    const [, map, key] = subscript;
    return (map === "labels" ? pod.metadata.labels : pod.metadata.annotations)?.[key ?? ""] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace ?? "default";
    case "metadata.uid":
      return pod.metadata.uid ?? "";
    case "metadata.labels":
      return mapLines(pod.metadata.labels);
    case "metadata.annotations":
      return mapLines(pod.metadata.annotations);
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "default";
    case "status.podIP":
    case "status.podIPs":
      return pod.status?.podIP ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return "10.244.0.1";
    default:
      throw new Error(`the field ${path} of a pod is not known`);
  }
}

function mapLines(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

function sourceEntries(
  source: NonNullable<Container["envFrom"]>[number],
  configuration: Configuration,
): readonly (readonly [string, string])[] | string {
  const { configMapRef, secretRef } = source;
  if (configMapRef !== undefined) {
    const found = configuration.configMap(configMapRef.name);
    if (found !== undefined) return Object.entries(found.data ?? {});
    return configMapRef.optional === true ? [] : `ConfigMap ${configMapRef.name} does not exist`;
  }
  if (secretRef !== undefined) {
    const found = configuration.secret(secretRef.name);
    if (found !== undefined)
      return [...secretData(found)].map(([key, value]) => [key, value.toString()] as const);
    return secretRef.optional === true ? [] : `Secret ${secretRef.name} does not exist`;
  }
  return [];
}

/** The contents of a Secret; `stringData` wins, as in the API server. */
export function secretData(secret: Secret): ReadonlyMap<string, Buffer> {
  return new Map([
    ...Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
    ...Object.entries(secret.stringData ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const),
  ]);
}

function variableValue(
  variable: EnvironmentVariable,
  pod: Pod,
  configuration: Configuration,
  before: ReadonlyMap<string, string>,
): Resolved<string | undefined> {
  const from = variable.valueFrom;
  if (from === undefined) return { kind: "resolved", value: expandVariables(variable.value ?? "", before) };
  if (from.fieldRef !== undefined) return { kind: "resolved", value: podField(from.fieldRef.fieldPath, pod) };
  if (from.configMapKeyRef !== undefined) {
    const { name, key, optional } = from.configMapKeyRef;
    const value = configuration.configMap(name)?.data?.[key];
    return keyed(value, optional, `ConfigMap ${name} with the key ${key} does not exist`);
  }
  if (from.secretKeyRef !== undefined) {
    const { name, key, optional } = from.secretKeyRef;
    const secret = configuration.secret(name);
    const value = secret === undefined ? undefined : secretData(secret).get(key)?.toString();
    return keyed(value, optional, `Secret ${name} with the key ${key} does not exist`);
  }
  return { kind: "resolved", value: undefined };
}

function keyed(
  value: string | undefined,
  optional: boolean | undefined,
  message: string,
): Resolved<string | undefined> {
  return value === undefined && optional !== true
    ? { kind: "missing", message }
    : { kind: "resolved", value };
}
