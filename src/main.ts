// The control plane: reads settings, wires sources → model → Envoy → xDS, starts, stops.
import { join } from "node:path";
import { serveApi } from "#api/server.ts";
import { Graph } from "#collections/graph.ts";
import { checkObjects } from "#compile/check.ts";
import { compileMesh } from "#compile/graph.ts";
import { createProvider } from "#envoy/provider.ts";
import { type IssuedCertificate, openAuthority } from "#identity/authority.ts";
import { keepRenewed } from "#identity/renewal.ts";
import { authenticatePods } from "#identity/running-pods.ts";
import { spiffeId } from "#identity/spiffe.ts";
import { openTokenIssuer, tokenVerifier } from "#identity/tokens.ts";
import { keepWorkloadCertificates } from "#identity/workload-certificates.ts";
import type { ProxyIdentity } from "#model/workload.ts";
import { openLearnedDependencies } from "#replicas/learned-dependencies.ts";
import { createGrpcServer } from "#runtime/grpc-server.ts";
import { createLog } from "#runtime/log.ts";
import { readSettings } from "#runtime/settings.ts";
import { collectProblems } from "#sources/directory/collect-problems.ts";
import { openDirectory } from "#sources/directory/directory.ts";
import { metricsService } from "#telemetry/otlp.ts";
import { prometheusText } from "#telemetry/prometheus.ts";
import { statOf } from "#telemetry/stat.ts";
import { TelemetryStore } from "#telemetry/store.ts";
import { bearerToken } from "#xds/authentication.ts";
import { createXdsServer } from "#xds/server.ts";

const settings = readSettings(process.argv.slice(2), process.env);
const log = createLog();
const inState = (name: string) => join(settings.state, name);

// Sources and what is made of them.
const graph = new Graph({
  onFault: ({ collection, key, error }) => log.error({ collection, key, err: error }, "a stage failed"),
});
const source = openDirectory(graph, { paths: settings.paths, cluster: inState("cluster") });
const mesh = compileMesh(graph, source.objects);

// Identity.
const authority = await openAuthority(inState("ca"), { trustDomain: settings.trustDomain });
const certificates = graph.source<IssuedCertificate>("certificates");
const trustBundle = graph.source<string>("trust bundle");
trustBundle.set("", authority.rootPem);
const issuer = await openTokenIssuer(inState("tokens"));
const authenticate = authenticatePods(tokenVerifier(issuer), mesh.workloads);

// Envoy's resources, for whoever asks.
const provider = createProvider(graph, {
  mesh,
  trustDomain: settings.trustDomain,
  trustBundle,
  certificates,
});
const stopCertificates = keepWorkloadCertificates({
  demanded: provider.wantedCertificates,
  certificates,
  authority,
  lifetimeMs: settings.certificateLifetimeMs,
  onFailure: (key, error) => log.error({ key, err: error }, "a certificate could not be issued"),
});
// Pods of one workload learn for each other.
const learningKey = (client: ProxyIdentity) =>
  `${client.namespace}/${mesh.workloads.get(`${client.namespace}/${client.pod}`)?.name ?? client.pod}`;
const learned = openLearnedDependencies({ file: inState("dependencies.json") });
const xds = createXdsServer({
  provider,
  authenticate: async (metadata) => {
    const workload = await authenticate(bearerToken(metadata));
    return "refused" in workload
      ? workload
      : { client: workload, id: `${workload.pod}.${workload.namespace}` };
  },
  learned: {
    namesFor: (client) => learned.namesFor(learningKey(client)),
    used: (client, names) => learned.used(learningKey(client), names),
  },
  onRejected: (proxy, rejection) => log.error({ proxy, ...rejection }, "a proxy rejected a resource"),
});

// Telemetry, and what people ask.
const store = new TelemetryStore();
const metrics = metricsService(
  async (metadata) => {
    const workload = await authenticate(bearerToken(metadata));
    if ("refused" in workload) return workload;
    const { namespace, pod, name, serviceAccount, labels } = workload;
    const principal = spiffeId(settings.trustDomain, namespace, serviceAccount);
    return { namespace, pod, workload: name, principal, labels };
  },
  (report) => store.record(report),
);
const checks = checkObjects(graph, source.objects);
let serving = false;
const api = await serveApi(inState("control-plane.sock"), {
  notReady: () => (serving ? [] : ["the xDS server is not listening yet"]),
  stat: (options) => statOf(store, options),
  metrics: () => prometheusText(store.series()),
  problems: () => collectProblems(source, checks),
  proxies: () => xds.proxies(),
  collections: () => graph.dump(),
});

// Servers.
const issueServer = () => authority.issueServer(["heddle.heddle-system.svc"], settings.certificateLifetimeMs);
const serverCertificate = await issueServer();
const toPem = ({ chainPem, keyPem }: IssuedCertificate) => ({ chainPem, keyPem: keyPem.reveal() });
const server = createGrpcServer({ certificate: toPem(serverCertificate) });
const stopServerCertificate = keepRenewed({
  issue: issueServer,
  use: (certificate) => server.replaceCertificate(toPem(certificate)),
  onFailure: (error) => log.error({ err: error }, "the server's certificate could not be renewed"),
});
xds.addTo(server.services);
server.services.addService(metrics.definition, metrics.implementation);
await source.ready;
graph.settle();
await server.listen({ host: settings.listen.address, port: settings.listen.port });
serving = true;
log.info({ ...settings.listen }, "serving xDS");

const stop = () => {
  xds.close();
  learned.close();
  stopCertificates();
  stopServerCertificate();
  source.close();
  Promise.all([api.close(), server.close()]).then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
