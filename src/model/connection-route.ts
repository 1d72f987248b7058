import type { Origin } from "./reference.ts";
import type { RouteSource } from "./route.ts";
import type { ServicePortReference } from "./service.ts";

/**
 * One rule for connections whose bytes are only passed on. TCPRoute, TLSRoute, and `tcp` and `tls` of VirtualServices
 * end as this.
 */
export interface ConnectionRoute {
  readonly match: ConnectionMatch;
  readonly destinations: readonly ConnectionDestination[];
  readonly origin: Origin;
}

/** All of it must hold; of lists, one item. */
export interface ConnectionMatch {
  /** Names that TLS asks for (SNI), `*.example.com` for all below; undefined: any connection. */
  readonly serverNames?: readonly string[];
  /** IPv4 addresses or CIDR ranges of what was dialled. */
  readonly destinationRanges?: readonly string[];
  readonly source?: RouteSource;
}

/** A share of a route's connections. */
export interface ConnectionDestination {
  /** Undefined where the backend cannot be used: its share is refused. */
  readonly service: ServicePortReference | undefined;
  readonly subset?: string;
  readonly weight: number;
}
