// The control plane on a Kubernetes cluster: one of several replicas. Wires, starts, stops.
import { createApi, createHealthApi, servePort } from "#api/server.ts";
import { webhookAnswers } from "#api/webhook-answers.ts";
import { createWebhookServer } from "#api/webhooks.ts";
import { Graph } from "#collections/graph.ts";
import { checkMesh } from "#compile/checks/check.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { clusterTokenVerifier } from "#identity/cluster-tokens.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { requireSupported } from "#kubernetes/server-version.ts";
import { allReplicas, ownAnswers } from "#replicas/all-replicas.ts";
import { authorityOfCluster } from "#replicas/authority-secret.ts";
import { readDependencies } from "#replicas/dependencies-config-map.ts";
import { openEventWriter } from "#replicas/events.ts";
import { prepareLeading } from "#replicas/leader-duties.ts";
import { electLeader, processIdentity } from "#replicas/leader-election.ts";
import { learnDependencies } from "#replicas/learned-dependencies.ts";
import { serveQuestions } from "#replicas/questions.ts";
import { createReadiness } from "#replicas/readiness.ts";
import { readReplicaSettings } from "#replicas/settings.ts";
import { createLog } from "#runtime/log.ts";
import { metricsPort, webhookPort, xdsPort } from "#runtime/ports.ts";
import { whenTold } from "#runtime/stop.ts";
import { openKubernetes } from "#sources/kubernetes/source.ts";
import { prometheusText } from "#telemetry/prometheus.ts";
import { TelemetryStore } from "#telemetry/store.ts";
import { createControlPlane } from "./control-plane.ts";

/** How long proxies wait for their pod's address to become known; and over how long they are sent to other replicas. */
const [patienceMs, spreadMs] = [5_000, 2_000];

const settings = readReplicaSettings(process.argv.slice(2), process.env);
const { name: pod, address: host } = settings.pod;
const log = createLog();
const onFailure = (what: string, error: unknown) => log.warn({ what, err: error }, "will be tried again");

// What is there from the first moment: whether this replica is ready, and why it is not.
const telemetry = new TelemetryStore();
const readiness = createReadiness(
  [
    "the API server",
    "the certificate authority",
    "the objects of the cluster",
    "the server for replicas",
    "the server for commands",
    "the server for webhooks",
    "the server for proxies",
  ],
  log,
);
const health = { notReady: () => readiness.reasons(), metrics: () => prometheusText(telemetry.series()) };
const healthServer = await servePort(createHealthApi(health), { host, port: metricsPort });
const stop = whenTold(() => readiness.set("the end", "the control plane is stopping"));
stop.before(() => healthServer.close());

// The cluster: nothing of it is needed to stay alive, and it may come late.
const client = await readiness.eventually("the API server", async () => {
  const connected = await connectKubernetes();
  await requireSupported(connected);
  return connected;
});
const graph = new Graph({
  onFault: ({ collection, key, error }) => log.error({ collection, key, err: error }, "a stage failed"),
});
const source = openKubernetes(graph, client, {
  onStatus: (status) => log[status.error === undefined ? "info" : "warn"](status, "objects of a kind"),
});
stop.before(() => source.close());
const { trustDomain, certificateLifetimeMs } = settings;
const authority = await readiness.eventually("the certificate authority", () =>
  authorityOfCluster(client, { trustDomain }),
);
const ends = new AbortController();
stop.before(() => ends.abort());
const learned = learnDependencies();
readDependencies(client, learned, onFailure, ends.signal);

const controlPlane = await createControlPlane({
  graph,
  objects: source.objects,
  authority,
  certificateLifetimeMs,
  verifier: clusterTokenVerifier(client),
  patienceMs,
  learned,
  mesh: settings.mesh,
  telemetry,
  log,
});
const { mesh, xds, certificate } = controlPlane;
source.readSecrets(mesh.routing.credentials.demanded);
const inputs = checkInputs(graph, source.objects, mesh.routing);
const checks = checkMesh(graph, inputs);
const problems = [source.problems, ...checks];
const identity = { trustDomain, rootPem: authority.rootPem, certificate };
const own = { pod, telemetry, xds, learned };
const replicas = allReplicas(own, source.objects.endpointSlices, identity);
const lead = prepareLeading(graph, {
  client,
  objects: source.objects,
  mesh,
  problems: checks,
  rootPem: authority.rootPem,
  injection: settings.injection,
  replicas,
  learned,
  onFailure,
});

// Nobody is served half a state: a proxy would be told that what has not been read yet does not exist.
await readiness.until("the objects of the cluster", source.ready, () =>
  source
    .status()
    .flatMap(({ kind, state, error }) => (state === "reading" ? [`${kind}: ${error ?? state}`] : [])),
);
const questions = await readiness.eventually("the server for replicas", () =>
  serveQuestions(host, identity, ownAnswers(own)),
);
stop.before(() => questions.close());
const api = createApi({
  ...health,
  ...replicas,
  problems: () => problems.flatMap((collection) => [...collection.entries()].map(([, problem]) => problem)),
  collections: () => graph.dump(),
});
const apiServer = await readiness.eventually("the server for commands", () => servePort(api, settings.api));
stop.before(() => apiServer.close());
const events = openEventWriter({ client, instance: pod, onFailure: (error) => onFailure("an event", error) });
const webhooks = createWebhookServer({
  certificate: certificate.current(),
  answers: webhookAnswers({
    settings: settings.injection,
    namespaces: source.objects.namespaces,
    checkInputs: inputs,
    report: events.report,
    onFault: (error) => log.error({ err: error }, "an admission review could not be answered"),
  }),
});
certificate.onRenewed((renewed) => webhooks.replaceCertificate(renewed));
stop.before(() => webhooks.close());
await readiness.eventually("the server for webhooks", () => webhooks.listen({ host, port: webhookPort }));
await readiness.eventually("the server for proxies", () => controlPlane.listen({ host, port: xdsPort }));
// Before the servers end that others may still come to: it takes a while until nobody does.
stop.before(() => controlPlane.stop(spreadMs));
const election = electLeader({
  client,
  identity: processIdentity(pod),
  lead: (signal) => {
    log.info("leads");
    signal.addEventListener("abort", () => log.info("leads no longer"));
    lead(signal);
  },
  onFailure: (error) => onFailure("electing a leader", error),
});
stop.before(() => election.release());
log.info({ pod, host }, "ready");
