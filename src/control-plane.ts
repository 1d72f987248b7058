// The core of every control plane, whatever its objects come from: objects → model → Envoy → xDS, and back telemetry.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Graph } from "#collections/graph.ts";
import type { MeshSettings } from "#compile/clients/settings.ts";
import { compileMesh } from "#compile/graph.ts";
import type { Mesh } from "#compile/mesh.ts";
import { createProvider } from "#envoy/provider.ts";
import type { Authority, IssuedCertificate } from "#identity/authority.ts";
import { authenticatePods } from "#identity/running-pods.ts";
import { keepServerCertificate, type ServerCertificate } from "#identity/server-certificate.ts";
import { spiffeId } from "#identity/spiffe.ts";
import type { TokenVerifier } from "#identity/tokens.ts";
import { keepWorkloadCertificates } from "#identity/workload-certificates.ts";
import { canBalanceByLatency } from "#model/balancer.ts";
import { controlPlaneHost } from "#model/installation.ts";
import type { ProxyIdentity } from "#model/workload.ts";
import type { LearnedDependencies } from "#replicas/learned-dependencies.ts";
import { createGrpcServer } from "#runtime/grpc-server.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { metricsService } from "#telemetry/otlp.ts";
import type { TelemetryStore } from "#telemetry/store.ts";
import { bearerToken } from "#xds/authentication.ts";
import { createXdsServer, type XdsServer } from "#xds/server.ts";

export interface ControlPlaneOptions {
  readonly graph: Graph;
  readonly objects: MeshObjects;
  readonly authority: Authority;
  readonly certificateLifetimeMs: number;
  readonly verifier: TokenVerifier;
  /** How long a proxy waits for its pod to become known; see `authenticatePods`. */
  readonly patienceMs: number;
  readonly learned: LearnedDependencies;
  readonly mesh: MeshSettings;
  /** Filled with what proxies report. */
  readonly telemetry: TelemetryStore;
  readonly log: Logger;
}

export interface ControlPlane {
  readonly mesh: Mesh;
  readonly xds: Pick<XdsServer, "proxies" | "acknowledgements" | "rejections">;
  readonly certificate: ServerCertificate;
  /** Serves proxies from now on: what is not known now is told to be absent. */
  listen(address: { readonly host: string; readonly port: number }): Promise<void>;
  /** Lets the proxies go, one after the other over `spreadMs`, and stops everything. */
  stop(spreadMs: number): Promise<void>;
}

const lastWordsMs = 200;

/** Wires it. Resolves when the control plane has a certificate of its own. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { graph, objects, authority, certificateLifetimeMs, learned, telemetry, log } = options;
  const { trustDomain } = authority;
  const mesh = compileMesh(graph, objects, options.mesh);

  // Envoy's resources, for whoever asks.
  const certificates = graph.source<IssuedCertificate>("certificates");
  const trustBundle = graph.source<string>("trust bundle");
  trustBundle.set("", authority.rootPem);
  const provider = createProvider(graph, { mesh, trustDomain, trustBundle, certificates });
  const stopCertificates = keepWorkloadCertificates({
    demanded: provider.wantedCertificates,
    certificates,
    authority,
    lifetimeMs: certificateLifetimeMs,
    onFailure: (key, error) => log.error({ key, err: error }, "a certificate could not be issued"),
  });

  // Who asks, and what pods of one workload learn for each other.
  const authenticate = authenticatePods(options.verifier, mesh.workloads, options);
  const learningKey = (client: ProxyIdentity) =>
    `${client.namespace}/${mesh.workloads.get(`${client.namespace}/${client.pod}`)?.name ?? client.pod}`;
  const xds = createXdsServer({
    provider,
    authenticate: async (metadata) => {
      const workload = await authenticate(bearerToken(metadata));
      return "refused" in workload
        ? workload
        : {
            client: { ...workload, balancesByLatency: false },
            id: `${workload.pod}.${workload.namespace}`,
          };
    },
    describe: (client, node) => ({ ...client, balancesByLatency: canBalanceByLatency(node) }),
    learned: {
      namesFor: (client) => learned.namesFor(learningKey(client)),
      used: (client, names) => learned.used(learningKey(client), names),
    },
    onRejected: (proxy, rejection) => log.error({ proxy, ...rejection }, "a proxy rejected a resource"),
  });

  // What proxies report.
  const metrics = metricsService(
    async (metadata) => {
      const workload = await authenticate(bearerToken(metadata));
      if ("refused" in workload) return workload;
      const { namespace, pod, name, serviceAccount, labels } = workload;
      const principal = spiffeId(trustDomain, namespace, serviceAccount);
      return { namespace, pod, workload: name, principal, labels };
    },
    (report) => telemetry.record(report),
  );

  const certificate = await keepServerCertificate({
    authority,
    dnsNames: [controlPlaneHost],
    lifetimeMs: certificateLifetimeMs,
    onFailure: (error) => log.error({ err: error }, "the server's certificate could not be issued"),
  });
  const server = createGrpcServer({ certificate: certificate.current() });
  certificate.onRenewed((renewed) => server.replaceCertificate(renewed));
  xds.addTo(server.services);
  server.services.addService(metrics.definition, metrics.implementation);
  return {
    mesh,
    xds,
    certificate,
    listen: async (address) => {
      graph.settle();
      await server.listen(address);
      log.info({ ...address }, "serving xDS");
    },
    stop: async (spreadMs) => {
      if (spreadMs > 0) server.drain();
      await xds.close(spreadMs);
      // The end of the last streams gets to their peers before the connections are cut.
      if (spreadMs > 0) await sleep(lastWordsMs);
      stopCertificates();
      certificate.close();
      await server.close();
    },
  };
}
