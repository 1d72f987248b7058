// What an XBackendTrafficPolicy says of a service: how many retries it bears, and its sessions.
import type { Fetch } from "#collections/graph.ts";
import type { BackendPolicy } from "#model/backend-policy.ts";
import type { Route, RouteDestination } from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { objectOfService } from "../services/services.ts";
import { byAge } from "./by-age.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/** Of several policies of a service the oldest counts. */
export function backendPolicyOf(
  inputs: Pick<RoutingInputs, "backendPoliciesByService">,
  fetch: Fetch,
  service: MeshService,
): BackendPolicy | undefined {
  return [...fetch.by(inputs.backendPoliciesByService, objectOfService(service))].sort(byAge)[0];
}

/** Routes with the sessions of their backends, where a route has none of its own. */
export function withSessions(
  routes: readonly Route[],
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly Route[] {
  const ofDestination = (destination: RouteDestination): RouteDestination => {
    const hostname = destination.service?.hostname;
    const service = hostname === undefined ? undefined : fetch.by(inputs.servicesByHostname, hostname)[0];
    const policy = service === undefined ? undefined : backendPolicyOf(inputs, fetch, service);
    const sessionPersistence = policy?.sessionPersistence;
    return sessionPersistence === undefined ? destination : { ...destination, sessionPersistence };
  };
  return routes.map((route) =>
    route.sessionPersistence === undefined
      ? { ...route, destinations: route.destinations.map(ofDestination) }
      : route,
  );
}
