// The control plane on one machine: objects from files, identity from a state directory. Wires, starts, stops.
import { join } from "node:path";
import { alone, serveApi } from "#api/server.ts";
import { Graph } from "#collections/graph.ts";
import { checkObjects } from "#compile/checks/check.ts";
import { statusesOf } from "#compile/status/status.ts";
import { openAuthority } from "#identity/authority.ts";
import { openTokenIssuer, tokenVerifier } from "#identity/tokens.ts";
import type { RejectedResource } from "#model/status.ts";
import { keepDependenciesInFile } from "#replicas/dependencies-file.ts";
import { learnDependencies } from "#replicas/learned-dependencies.ts";
import { replaceRejections } from "#replicas/rejections.ts";
import { createLog } from "#runtime/log.ts";
import { readSettings } from "#runtime/settings.ts";
import { collectProblems } from "#sources/directory/collect-problems.ts";
import { openDirectory } from "#sources/directory/directory.ts";
import { prometheusText } from "#telemetry/prometheus.ts";
import { statOf } from "#telemetry/stat.ts";
import { TelemetryStore } from "#telemetry/store.ts";
import { createControlPlane } from "./control-plane.ts";

const settings = readSettings(process.argv.slice(2), process.env);
const log = createLog();
const inState = (name: string) => join(settings.state, name);

const graph = new Graph({
  onFault: ({ collection, key, error }) => log.error({ collection, key, err: error }, "a stage failed"),
});
const source = openDirectory(graph, { paths: settings.paths, cluster: inState("cluster") });
const telemetry = new TelemetryStore();
const learned = learnDependencies();
const dependencies = keepDependenciesInFile(learned, inState("dependencies.json"));
const controlPlane = await createControlPlane({
  graph,
  objects: source.objects,
  authority: await openAuthority(inState("ca"), { trustDomain: settings.trustDomain }),
  certificateLifetimeMs: settings.certificateLifetimeMs,
  verifier: tokenVerifier(await openTokenIssuer(inState("tokens"))),
  patienceMs: 0, // The runner writes a pod's file before it starts the proxy.
  learned,
  mesh: settings.mesh,
  telemetry,
  log,
});
const { mesh, xds } = controlPlane;
const checks = checkObjects(graph, source.objects, mesh.routing);
const rejections = graph.source<RejectedResource>("rejections");
// Nobody writes them into the files, so each object has its whole status there.
const statuses = statusesOf(graph, {
  objects: source.objects,
  mesh,
  problems: checks,
  rejections,
  // The supervisor opens their ports there.
  gatewayAddresses: [{ type: "Hostname", value: "localhost" }],
  now: () => new Date(),
});

let serving = false;
const api = await serveApi(inState("control-plane.sock"), {
  notReady: () => (serving ? [] : ["the xDS server is not listening yet"]),
  stat: (options) => alone(statOf(telemetry, options)),
  metrics: () => prometheusText(telemetry.series()),
  problems: () => collectProblems(source, checks),
  proxies: () => alone(xds.proxies()),
  acknowledgements: () => alone(xds.acknowledgements()),
  statuses: () => {
    replaceRejections(rejections, xds.rejections());
    graph.settle();
    return statuses.flatMap((collection) =>
      [...collection.entries()].map(([, { object, status }]) => ({ ...object, status })),
    );
  },
  collections: () => graph.dump(),
});
await source.ready;
await controlPlane.listen({ host: settings.listen.address, port: settings.listen.port });
serving = true;

const stop = () => {
  dependencies.close();
  source.close();
  Promise.all([api.close(), controlPlane.stop(0)]).then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
