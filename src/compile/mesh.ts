import type { Collection, Index, Single } from "#collections/graph.ts";
import type { MeshService } from "#model/service.ts";
import type { SidecarScope } from "#model/sidecar.ts";
import type { Workload } from "#model/workload.ts";
import type { Client } from "./clients/clients.ts";
import type { MeshSettings } from "./clients/settings.ts";
import type { PortEndpoints } from "./endpoints/endpoints.ts";
import type { HealthListenerView, InboundView } from "./listener-views.ts";
import type { PortConnectionRoutes } from "./routing/connection-routes.ts";
import type { PortRoutes } from "./routing/routes.ts";
import type { RoutingInputs } from "./routing/routing-inputs.ts";

/** The compiled mesh: what views are read from. */
export interface Mesh {
  /** By `serviceKey`. */
  readonly services: Collection<MeshService>;
  /** By virtual IP. */
  readonly servicesByAddress: Index<MeshService>;
  readonly servicesByNamespace: Index<MeshService>;
  /** Virtual IPs that are ranges, and the keys of their services. */
  readonly serviceRanges: Single<readonly { readonly range: string; readonly service: string }[]>;
  /** Services that ServiceEntries define, by `serviceKey`. */
  readonly entryServices: Collection<MeshService>;
  /** Hosts that VirtualServices alone know. */
  readonly virtualHosts: Single<readonly string[]>;
  /** Those that take all TCP to a port, by that. */
  readonly entriesByTcpPort: Index<MeshService>;
  /** By `namespace/pod`. */
  readonly workloads: Collection<Workload>;
  readonly workloadsByAddress: Index<Workload>;
  /** By `servicePortKey`. */
  readonly endpoints: Collection<PortEndpoints>;
  /** By `address:port` of each endpoint. */
  readonly endpointsByAddress: Index<PortEndpoints>;
  /** By `routesKey`. */
  readonly routes: Collection<PortRoutes>;
  /** By `routesKey`. */
  readonly connectionRoutes: Collection<PortConnectionRoutes>;
  /** By `namespace/pod`. */
  readonly clients: Collection<Client>;
  /** By the key of the object. */
  readonly sidecars: Collection<SidecarScope>;
  readonly settings: MeshSettings;
  /** Ports on which no client's first bytes are waited for. */
  readonly tcpPorts: Single<readonly number[]>;
  /** Ports on which nobody looks for HTTP. */
  readonly opaquePorts: Single<readonly number[]>;
  /** Ports on which routes tell apart what TLS asks for. */
  readonly serverNamePorts: Single<readonly number[]>;
  /** Ports on which a client that is silent at first will speak HTTP. */
  readonly httpPorts: Single<readonly number[]>;
  /** By `namespace/pod` of a sidecar. */
  readonly inbound: Collection<InboundView>;
  /** By `namespace/pod` of a pod with a proxy. */
  readonly healthListeners: Collection<HealthListenerView>;
  readonly routing: RoutingInputs;
}
