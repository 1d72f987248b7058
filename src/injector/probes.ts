/**
 * Probes of the kubelet come in plaintext and from outside the mesh, so that STRICT mTLS would fail them. They are
 * rewritten to the proxy's health port, under a path which says all that the proxy must know to answer.
 */
import { healthPort } from "#interception/addresses.ts";
import type {
  Container,
  HttpGetAction,
  LifecycleHandler,
  Pod,
  PodSpec,
  Probe,
} from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";

/** One path of the health port, and what answers it. */
export interface ProbePath {
  /** Exact, without a query. */
  readonly path: string;
  readonly kind: "http" | "https" | "tcp" | "grpc";
  /** The application's own port. */
  readonly port: number;
  /** The gRPC service to ask for; empty means the whole server. */
  readonly service?: string;
  /** For HTTP: the path to ask the application for. */
  readonly prefixRewrite?: string;
}

/** The handlers of a container that may ask by HTTP, as paths in it. */
export const probeFields = ["startupProbe", "readinessProbe", "livenessProbe"] as const;
export const hookFields = ["postStart", "preStop"] as const;

/** The spec with every probe and hook that the proxy can answer rewritten to the health port. */
export function rewriteProbes(spec: PodSpec): PodSpec {
  return {
    ...spec,
    ...(spec.initContainers && { initContainers: spec.initContainers.map(rewriteContainer) }),
    containers: spec.containers.map(rewriteContainer),
  };
}

/** What an injected pod's probes ask of the health port, one entry a path, in order of path. */
export function probePaths(pod: Pod): readonly ProbePath[] {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const paths = containers
    .filter((container) => container.name !== proxyContainerName)
    .flatMap(healthRequests)
    .flatMap((request) => parsePath(request.path ?? "/") ?? []);
  return [...new Map(paths.map((path) => [path.path, path])).values()].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

function rewriteContainer(container: Container): Container {
  if (container.name === proxyContainerName) return container;
  const probe = (name: (typeof probeFields)[number]) => {
    const original = container[name];
    return original && { [name]: rewriteProbe(original, container) };
  };
  const hook = (name: (typeof hookFields)[number]) => {
    const original = container.lifecycle?.[name];
    return original && { [name]: rewriteHook(original, container) };
  };
  return {
    ...container,
    ...probe("startupProbe"),
    ...probe("readinessProbe"),
    ...probe("livenessProbe"),
    ...(container.lifecycle && {
      lifecycle: { ...container.lifecycle, ...hook("postStart"), ...hook("preStop") },
    }),
  };
}

function rewriteProbe(probe: Probe, container: Container): Probe {
  const { httpGet, tcpSocket, grpc, ...rest } = probe;
  if (httpGet !== undefined) return { ...probe, httpGet: rewriteGet(httpGet, container) };
  if (tcpSocket !== undefined && tcpSocket.host === undefined) {
    const port = portNumber(tcpSocket.port, container);
    return port === undefined ? probe : { ...rest, httpGet: { path: `/tcp/${port}`, port: healthPort } };
  }
  if (grpc !== undefined) {
    return { ...rest, httpGet: { path: `/grpc/${grpc.port}/${grpc.service ?? ""}`, port: healthPort } };
  }
  return probe;
}

function rewriteHook(hook: LifecycleHandler, container: Container): LifecycleHandler {
  return hook.httpGet === undefined ? hook : { ...hook, httpGet: rewriteGet(hook.httpGet, container) };
}

/** A request to another host, or to a port that the container does not name, stays as it is. */
function rewriteGet(request: HttpGetAction, container: Container): HttpGetAction {
  const port = portNumber(request.port, container);
  if (request.host !== undefined || port === undefined || port === healthPort) return request;
  const scheme = request.scheme === "HTTPS" ? "https" : "http";
  const path = request.path?.startsWith("/") === true ? request.path : `/${request.path ?? ""}`;
  return {
    path: `/${scheme}/${port}${path}`,
    port: healthPort,
    ...(request.httpHeaders && { httpHeaders: request.httpHeaders }),
  };
}

/** https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#use-a-named-port */
function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  if (/^\d+$/.test(port)) return Number(port);
  return container.ports?.find((each) => each.name === port)?.containerPort;
}

function healthRequests(container: Container): readonly HttpGetAction[] {
  const { startupProbe, readinessProbe, livenessProbe, lifecycle } = container;
  return [startupProbe, readinessProbe, livenessProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap(
    (handler) => (handler?.httpGet?.port === healthPort ? [handler.httpGet] : []),
  );
}

function parsePath(requested: string): ProbePath | undefined {
  const [path = ""] = requested.split("?");
  const [, kind, portText, rest] = /^\/(http|https|tcp|grpc)\/(\d{1,5})(\/.*)?$/.exec(path) ?? [];
  const port = Number(portText);
  switch (kind) {
    case "http":
    case "https":
      return { path, kind, port, prefixRewrite: rest ?? "/" };
    case "grpc":
      return { path, kind, port, service: (rest ?? "/").slice(1) };
    case "tcp":
      return rest === undefined ? { path, kind, port } : undefined;
    default:
      return undefined;
  }
}
