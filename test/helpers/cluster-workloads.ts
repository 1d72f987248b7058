// Builders of the objects that tests make in a cluster, with the images that it has.
import type { KubernetesObject } from "#model/object.ts";
import type { Cluster } from "./cluster.ts";

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields of the pod's spec beside its containers. */
  readonly spec?: object;
  /** Further fields of the container. */
  readonly container?: object;
}

/** Waits, and ends at once when it is told to. */
export const idle = ["sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done"] as const;

/** A container of the image that tests run, which has node, curl, nft and the applications of test/local/apps. */
export function testContainer(name: string, command: readonly string[], more: object = {}): object {
  return { name, image: "mesh.local/test:1", imagePullPolicy: "IfNotPresent", command, ...more };
}

/** The template of a pod with one container `app`, labelled `app: NAME`. */
export function podTemplate(
  name: string,
  command: readonly string[],
  { labels, annotations, spec, container }: PodOptions = {},
): object {
  return {
    metadata: { labels: { app: name, ...labels }, ...(annotations && { annotations }) },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [testContainer("app", command, container)],
      ...spec,
    },
  };
}

/** Any object in a namespace. */
export function object(
  apiVersion: string,
  kind: string,
  namespace: string,
  name: string,
  content: object,
): KubernetesObject {
  return { apiVersion, kind, metadata: { name, namespace }, ...content };
}

export function pod(
  namespace: string,
  name: string,
  command: readonly string[],
  options: PodOptions = {},
): KubernetesObject {
  const { metadata, spec } = podTemplate(name, command, options) as { metadata: object; spec: object };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, ...metadata },
    spec,
  } as KubernetesObject;
}

export function deployment(
  namespace: string,
  name: string,
  command: readonly string[],
  { replicas = 1, ...options }: PodOptions & { readonly replicas?: number } = {},
): KubernetesObject {
  const selector = { matchLabels: { app: name } };
  const template = podTemplate(name, command, options);
  return object("apps/v1", "Deployment", namespace, name, { spec: { replicas, selector, template } });
}

/** Of a probe: on a machine that is busy an answer may take its time. */
export const patient = { timeoutSeconds: 10 } as const;

/** A Deployment of the stand-in application (test/local/apps/echo.ts), ready when `readyPort` accepts connections. */
export function echo(
  namespace: string,
  name: string,
  flags: readonly string[],
  readyPort: number,
  options: PodOptions & { readonly replicas?: number } = {},
): KubernetesObject {
  const readinessProbe = { tcpSocket: { port: readyPort }, periodSeconds: 1, ...patient };
  const container = { readinessProbe, ...options.container };
  return deployment(namespace, name, ["node", "/apps/echo.js", ...flags], { ...options, container });
}

/** A Service for the pods labelled `app: APP`. */
export function service(
  namespace: string,
  name: string,
  ports: readonly object[],
  { app = name, ...spec }: { readonly app?: string; readonly clusterIP?: "None" } = {},
): KubernetesObject {
  return object("v1", "Service", namespace, name, { spec: { selector: { app }, ports, ...spec } });
}

/** What test/local/apps/call.ts tells of a call. */
export interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly json?: {
    readonly name: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly greeting?: string;
  };
  readonly error?: string;
  readonly ms: number;
}

/** Calls an address from the container `app` of a pod; one answer for each `--count`. */
export async function call(
  cluster: Cluster,
  namespace: string,
  caller: string,
  url: string,
  ...flags: readonly string[]
): Promise<readonly Answer[]> {
  // Failed calls are answers, too.
  const command = ["sh", "-c", 'node /apps/call.js "$@" || true', "call", ...flags, url];
  const lines = await cluster.execInPod(namespace, caller, command, { container: "app" });
  return lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}
