import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Graph } from "#collections/graph.ts";
import { openAuthority } from "#identity/authority.ts";
import { openTokenIssuer } from "#identity/tokens.ts";
import { trustBundleObject } from "#identity/trust-bundle.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { Problem } from "#model/reference.ts";
import { collectProblems } from "#sources/directory/collect-problems.ts";
import { openDirectory } from "#sources/directory/directory.ts";
import { serveApi } from "./api.ts";
import { configurationOf, endpointsByName, openServiceAddresses } from "./cluster-view.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { gatewayHostPorts } from "./gateways/gateway-ports.ts";
import { startHostPorts } from "./gateways/host-ports.ts";
import { istioHostPorts } from "./gateways/istio-ports.ts";
import { gatewayObjects, localInjection, localSettings } from "./injection.ts";
import { limitLogs } from "./log-limit.ts";
import { startDnsServer } from "./network/dns-server.ts";
import type { FindService } from "./network/dns-zone.ts";
import { namespaceFile, nodeNamespace } from "./network/node-namespace.ts";
import type { ServiceEndpoints } from "./network/service-endpoints.ts";
import { startServiceNat } from "./network/service-nat.ts";
import { askInNetwork } from "./outside/names.ts";
import { startRelay } from "./outside/relay.ts";
import type { StateDirectory } from "./state-directory.ts";
import { startFleet } from "./workloads/fleet.ts";
import { podProblems, progressOf } from "./workloads/progress.ts";
import { planWorkloads, type WorkloadPlan } from "./workloads/workload.ts";

/** How long pods may take to end when the whole mesh does. */
const STOP_LIMIT_MS = 3_000;

export interface SupervisorOptions {
  readonly state: StateDirectory;
  /** The user's files and directories. */
  readonly paths: readonly string[];
  /** The Envoy binary; without it no sidecar can run. */
  readonly envoy: string;
  /** The module that balances by latency; without it proxies balance by outstanding requests. */
  readonly balancer: string | undefined;
  /** For the control plane. */
  readonly outboundTrafficPolicy: string;
  /** A DNS server for names outside of the mesh, in the place of the machine's. */
  readonly resolver: string | undefined;
  /** A descriptor of the host's network namespace. */
  readonly hostNetwork: number;
  readonly log: (message: string) => void;
}

export interface Supervisor {
  /** Ends everything and removes what the run has made but for the node namespace. */
  stop(): Promise<void>;
}

/**
 * Runs a mesh from the user's files, in its node namespace: pods, names, service addresses, gateways and the control
 * plane. Follows changes of the files until stopped.
 */
export async function startSupervisor(options: SupervisorOptions, onStop: () => void): Promise<Supervisor> {
  const { state, paths, envoy, hostNetwork, log } = options;
  const ended = new AbortController();
  const graph = new Graph({
    onFault: ({ collection, key, error }) => log(`${collection} ${key}: ${String(error)}`),
  });
  const source = openDirectory(graph, { paths });
  const [authority, tokens] = await Promise.all([
    openAuthority(state.authority, { trustDomain: TRUST_DOMAIN }),
    openTokenIssuer(state.tokens),
  ]);
  await source.ready;
  graph.settle();
  const addresses = openServiceAddresses(state.serviceAddresses);
  const nat = startServiceNat((error) => log(`service rules: ${String(error)}`));
  const hostPorts = startHostPorts(hostNetwork, () => {});
  const relay = startRelay({
    envoy,
    nodeNamespace: namespaceFile(nodeNamespace(state.id)),
    hostNetwork,
    log,
  });
  let plan: WorkloadPlan = { workloads: [], problems: [] };
  let services: readonly Service[] = [];
  let endpoints: ReadonlyMap<string, ServiceEndpoints> = new Map();

  const fleet = startFleet(
    {
      state,
      programs: { envoy, node: process.execPath },
      balancer: options.balancer,
      configuration: configurationOf(source, (namespace) => trustBundleObject(namespace, authority.rootPem)),
      issueToken: (pod, audience, expirationSeconds) =>
        tokens.issue({ ...podIdentity(pod), audience, expirationSeconds }),
      withdrawn() {
        onPodsChanged();
        return nat.settled();
      },
    },
    onPodsChanged,
  );

  const injection = localSettings(options.balancer !== undefined);

  function onObjectsChanged(): void {
    const gateways = gatewayObjects(values(source.objects.gateways), injection);
    services = [...values(source.objects.services), ...gateways.map(({ service }) => service)];
    addresses.update(services);
    plan = planWorkloads(
      {
        deployments: values(source.objects.deployments),
        statefulSets: values(source.objects.statefulSets),
        jobs: values(source.objects.jobs),
        pods: values(source.objects.pods),
        standIns: values(source.standIns),
        gateways,
      },
      localInjection(injection, (namespace) => source.objects.namespaces.get(namespace)?.metadata.labels),
      (object) => directoryOf(source.locate(object)?.file),
    );
    fleet.want(plan.workloads);
    for (const { running } of fleet.pods()) running.refresh();
    // Objects may give ports to pods that stay as they are.
    onPodsChanged();
  }

  function onPodsChanged(): void {
    const pods = fleet.pods().map(({ running }) => running.object());
    endpoints = endpointsByName(source, services, pods, addresses);
    nat.update([...endpoints.values()]);
    hostPorts.update([
      ...gatewayHostPorts(values(source.objects.gateways), pods),
      ...istioHostPorts(values(source.objects.istioGateways), pods, services),
    ]);
  }

  function problems(): readonly Problem[] {
    const own = [
      ...plan.problems,
      ...hostPorts.problems(),
      ...relay.problems(),
      ...podProblems(fleet.pods()),
    ];
    return collectProblems(source, [], own);
  }

  const findService: FindService = (namespace, name) => endpoints.get(`${namespace}/${name}`);
  const askOutside = askInNetwork(hostNetwork, options.resolver, ended.signal);
  await startDnsServer(findService, askOutside, ended.signal);
  onObjectsChanged();
  const controlPlane: ControlPlane = startControlPlane(state, paths, options.outboundTrafficPolicy);
  graph.onSettled(onObjectsChanged);
  const api = await serveApi(state, {
    fleet,
    problems,
    progress: () => progressOf(fleet.workloads(), fleet.pods()),
    hostPorts: hostPorts.ports,
    controlPlane,
    stop: onStop,
  });
  const logs = limitLogs(state.logs);
  await relay.started;
  writeFileSync(state.supervisorPid, `${process.pid}\n`);

  return {
    async stop() {
      source.close();
      hostPorts.close();
      await fleet.stop(STOP_LIMIT_MS);
      await Promise.all([controlPlane.stop(), relay.stop()]);
      ended.abort();
      api.close();
      logs.stop();
      rmSync(state.supervisorPid, { force: true });
    },
  };
}

const TRUST_DOMAIN = "cluster.local";

function values<T>(collection: { entries(): Iterable<readonly [string, T]> }): T[] {
  return [...collection.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

function podIdentity(pod: Pod): {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly podUid: string;
} {
  return {
    namespace: pod.metadata.namespace ?? "default",
    serviceAccount: pod.spec.serviceAccountName ?? "default",
    pod: pod.metadata.name,
    podUid: pod.metadata.uid ?? "",
  };
}

function directoryOf(file: string | undefined): string {
  const directory = file === undefined ? "/" : dirname(resolve(file));
  return existsSync(directory) ? directory : "/";
}
