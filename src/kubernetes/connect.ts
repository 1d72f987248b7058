// The client of the API server. Of our own, on node:https: `@kubernetes/client-node` takes a second and 90 MB to load,
// and does not page, so it is loaded only for the credentials that nothing else can get (see user-credentials.ts).
import type { KubernetesObject } from "#model/object.ts";
import { accessFromPod, type ClusterAccess } from "./access.ts";
import { type KubernetesClient, KubernetesError, pathOf, type WatchOptions } from "./client.ts";
import { openDiscovery } from "./discovery.ts";
import { accessFromKubeconfig, kubeconfigFiles, readKubeconfig } from "./kubeconfig.ts";
import { noAnswer, openTransport, readBody } from "./transport.ts";
import { watchEvents } from "./watch-stream.ts";

export interface ConnectOptions {
  /** A file; default: those of `KUBECONFIG`, else `~/.kube/config`, else the cluster of the pod that this runs in. */
  readonly kubeconfig?: string;
  /** Default: the current context. */
  readonly context?: string;
}

/** Finds the cluster and the user. Nothing is sent yet; throws `KubernetesError` where the configuration is wrong. */
export async function connectKubernetes(options: ConnectOptions = {}): Promise<KubernetesClient> {
  return clientOf(findAccess(options));
}

function findAccess({ kubeconfig, context }: ConnectOptions): ClusterAccess {
  const files = kubeconfigFiles(kubeconfig, process.env);
  if (files.length > 0) return accessFromKubeconfig(readKubeconfig(files), context);
  const fromPod = context === undefined ? accessFromPod(process.env) : undefined;
  if (fromPod !== undefined) return fromPod;
  throw new KubernetesError(
    0,
    "Configuration",
    "there is no kubeconfig; name one with KUBECONFIG, or put it to ~/.kube/config",
  );
}

/** Bookmarks come every minute, so a watch that is silent for longer than this is dead. */
const watchSilenceMs = 150_000;

function clientOf(access: ClusterAccess): KubernetesClient {
  const send = openTransport(access);
  const request: KubernetesClient["request"] = async <T>(
    method: string,
    path: string,
    options: Parameters<KubernetesClient["request"]>[2] = {},
  ) => {
    const response = await send({ ...options, method, path });
    return JSON.parse((await readBody(access.server, response)).toString()) as T;
  };
  const resourceOf = openDiscovery((path) => request("GET", path));
  return {
    namespace: access.namespace,
    request,
    resourceOf,
    watch: async <T>(path: string, options: WatchOptions) => {
      const query = { ...options.query, watch: "true" };
      const response = await send({ ...options, method: "GET", path, query, silenceMs: watchSilenceMs });
      return watchEvents<T>(response, (error) => noAnswer(access.server, error));
    },
    apply: async (object, { fieldManager, force, subresource, dryRun }) => {
      const resource = await resourceOf(object.apiVersion, object.kind);
      if (resource === undefined) throw unknownKind(object);
      const path = `${pathOf(resource, object.metadata)}${subresource === undefined ? "" : `/${subresource}`}`;
      return request("PATCH", path, {
        query: {
          fieldManager,
          ...(force === true ? { force: "true" } : {}),
          ...(dryRun === true ? { dryRun: "All" } : {}),
        },
        contentType: "application/apply-patch+yaml",
        body: object,
      });
    },
    portForward: async (namespace, pod, port) => {
      const { forwardPort } = await import("./port-forward.ts");
      return forwardPort(access, namespace, pod, port);
    },
  };
}

function unknownKind({ apiVersion, kind }: KubernetesObject): KubernetesError {
  return new KubernetesError(404, "NotFound", `the API server has no kind ${kind} in ${apiVersion}`);
}
