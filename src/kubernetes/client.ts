// The API server, as the rest of Heddle sees it: requests, watches and server-side apply.
import type { Duplex } from "node:stream";
import type { KubernetesObject } from "#model/object.ts";

/** Where the objects of a kind are: `/api/v1/…` for the core group, `/apis/GROUP/VERSION/…` else. */
export interface ApiResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower case, as in URLs: `httproutes`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** An answer of the API server that is not a success, or no answer. */
export class KubernetesError extends Error {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The `reason` of the `Status` object: `NotFound`, `AlreadyExists`, `Conflict`, `Expired`, `Forbidden` … */
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KubernetesError";
    this.status = status;
    this.reason = reason;
  }
}

export interface ApplyOptions {
  /** Who owns the fields; one name for each concern. */
  readonly fieldManager: string;
  /** Takes over fields that others own. Default: false, a conflict is an error. */
  readonly force?: boolean;
  readonly subresource?: "status";
  readonly dryRun?: boolean;
}

export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | {
      readonly type: "BOOKMARK";
      readonly object: {
        readonly metadata: {
          readonly resourceVersion: string;
          /** `k8s.io/initial-events-end` says that all that was there has been sent. */
          readonly annotations?: Readonly<Record<string, string>>;
        };
      };
    };

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default: `application/json`. */
  readonly contentType?: string;
  /** Default: `application/json`. */
  readonly accept?: string;
  /** Asks a collection for the metadata of its objects alone. https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

export type WatchOptions = Pick<RequestOptions, "query" | "metadataOnly" | "signal">;

/** A connection to one API server as one user. Every method throws `KubernetesError`. */
export interface KubernetesClient {
  /** The namespace of the context, or of the pod that this process runs in. */
  readonly namespace: string;
  request<T>(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    options?: RequestOptions,
  ): Promise<T>;
  /**
   * Resolves when the server has accepted the watch. Then events from `query.resourceVersion` on, until the server ends
   * it; iterating throws for an `ERROR` event, and when the connection breaks.
   */
  watch<T>(path: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>>;
  /** Server-side apply. Finds out by discovery where objects of the kind are, and remembers it. */
  apply<T extends KubernetesObject>(object: T, options: ApplyOptions): Promise<T>;
  /** Where the objects of a kind are; undefined when the server does not have the kind. Remembered for a while. */
  resourceOf(apiVersion: string, kind: string): Promise<ApiResource | undefined>;
  /** A connection to a port of a pod, as `kubectl port-forward` makes it. */
  portForward(namespace: string, pod: string, port: number): Promise<Duplex>;
}

/** The path of a collection, or of one object in it. */
export function pathOf(
  resource: ApiResource,
  where: { readonly namespace?: string; readonly name?: string } = {},
): string {
  const base =
    resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const inNamespace =
    resource.namespaced && where.namespace !== undefined ? `/namespaces/${where.namespace}` : "";
  return `${base}${inNamespace}/${resource.plural}${where.name === undefined ? "" : `/${where.name}`}`;
}
