// Replicas of the control plane on an API server of their own, with the role that an installation gives them.

import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { accessControl } from "#install/rbac.ts";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { authoritySecret, controlPlaneHost, systemNamespace } from "#model/installation.ts";
import type { ConfigMap, Secret } from "#model/kubernetes/configuration.ts";
import type { KubernetesObject } from "#model/object.ts";
import { xdsPort } from "#runtime/ports.ts";
import { startApiServer, type TestApiServer } from "./api-server.ts";
import { namespace, put } from "./cluster-objects.ts";
import { type DeltaClient, openDeltaClient } from "./delta-client.ts";
import { type Replica, startReplica } from "./replica.ts";
import { until } from "./wait.ts";

export interface ReplicaSet {
  readonly server: TestApiServer;
  readonly admin: KubernetesClient;
  /** Those that run, in the order of their start. */
  all(): readonly Replica[];
  start(): Replica;
  /** Ends one; resolves with its exit code or signal. */
  end(replica: Replica, signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** The one that leads, once it is the only one. */
  leader(): Promise<Replica>;
  /** Gives the replicas their role. */
  grant(): Promise<void>;
  /** The files of the certificate authority. */
  authority(): Promise<ReadonlyMap<string, string>>;
  /** A proxy's stream. */
  stream(replica: Replica, token: string): Promise<DeltaClient>;
  /** An object as it is; undefined if it is not. */
  get<T extends KubernetesObject>(path: string): Promise<T | undefined>;
  trustBundle(space: string): Promise<ConfigMap | undefined>;
  stop(): Promise<void>;
}

/** Starts an API server, and so many replicas with their role; with 0 the role is not given either. */
export async function openReplicaSet(count: number): Promise<ReplicaSet> {
  const server = await startApiServer({ controllers: "garbage-collector-controller" });
  const { admin } = server;
  await put(admin, namespace(systemNamespace));
  const running = new Set<Replica>();
  const streams: DeltaClient[] = [];
  let started = 0;
  let rootPem: string | undefined;
  const get: ReplicaSet["get"] = (path) => found(admin, path);
  const authority = async () => {
    const secret = await get<Secret>(`/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`);
    const files = Object.entries(secret?.data ?? {});
    return new Map(files.map(([name, value]) => [name, Buffer.from(value, "base64").toString()]));
  };
  const set: ReplicaSet = {
    server,
    admin,
    all: () => [...running],
    start() {
      const replica = startReplica({ number: ++started, kubeconfig: server.kubeconfig("reader") });
      running.add(replica);
      return replica;
    },
    end(replica, signal) {
      replica.kill(signal);
      running.delete(replica);
      return replica.ended;
    },
    async leader() {
      const leaders = () => [...running].filter((replica) => replica.leads());
      await until(() => leaders().length === 1, "one leader");
      return leaders()[0] as Replica;
    },
    grant: async () => grant(admin, await connectKubernetes({ kubeconfig: server.kubeconfig("reader") })),
    authority,
    async stream({ address }, token) {
      // Also while the API server is away.
      rootPem ??= (await authority()).get("root-cert.pem") ?? "";
      const client = openDeltaClient({
        address: `${address}:${xdsPort}`,
        rootPem,
        token,
        serverName: controlPlaneHost,
      });
      streams.push(client);
      return client;
    },
    get,
    trustBundle: (space) => get(`/api/v1/namespaces/${space}/configmaps/${trustBundleConfigMap}`),
    async stop() {
      for (const client of streams) client.close();
      await Promise.all([...running].map((replica) => set.end(replica, "SIGKILL")));
      await server.stop();
    },
  };
  if (count > 0) await set.grant();
  await Promise.all(Array.from({ length: count }, () => set.start().ready()));
  return set;
}

/** The role of an installation, for the user that the replicas are here. */
async function grant(admin: KubernetesClient, reader: KubernetesClient): Promise<void> {
  const subjects = [{ kind: "User", name: "reader", apiGroup: "rbac.authorization.k8s.io" }];
  for (const object of accessControl("test")) {
    const bound = "subjects" in object ? { ...object, subjects } : object;
    await put(admin, bound as unknown as KubernetesObject);
  }
  // The API server takes a moment to obey: whoever asks before is refused.
  const secret = `/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`;
  for (const path of ["/api/v1/services", secret]) {
    const isAllowed = () =>
      found(reader, path).then(
        () => true,
        () => false,
      );
    await until(isAllowed, `the right to read ${path}`);
  }
}

async function found<T>(client: KubernetesClient, path: string): Promise<T | undefined> {
  return client.request<T>("GET", path).catch((error: unknown) => {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  });
}
