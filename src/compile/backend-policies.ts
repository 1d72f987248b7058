// What an XBackendTrafficPolicy says of a service: how many retries it bears, and its sessions.
import type { Fetch } from "#collections/graph.ts";
import type { BackendTrafficPolicy } from "#model/gateway-api/backend-traffic-policy.ts";
import { retryBudget } from "#model/gateway-api/retry-budget.ts";
import { sessionPersistence } from "#model/gateway-api/sessions.ts";
import type { RetryBudget } from "#model/policy.ts";
import { type Origin, objectKey, referenceOf } from "#model/reference.ts";
import type { Route, RouteDestination, SessionPersistence } from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { byAge } from "./by-age.ts";
import type { RoutingInputs } from "./routing-inputs.ts";
import { objectOfService } from "./services.ts";

/** Of several policies of a service the oldest counts. */
export function backendPolicyOf(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
): BackendTrafficPolicy | undefined {
  return [...fetch.by(inputs.backendPoliciesByService, objectOfService(service))].sort(byAge)[0];
}

/** The sessions of all requests to a service. */
export function sessionsOfService(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
): SessionPersistence | undefined {
  const policy = backendPolicyOf(inputs, fetch, service);
  const session = policy?.spec.sessionPersistence;
  return policy === undefined || session === undefined
    ? undefined
    : sessionPersistence(session, objectKey(policy.metadata));
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
    const session = service === undefined ? undefined : sessionsOfService(inputs, fetch, service);
    return session === undefined ? destination : { ...destination, sessionPersistence: session };
  };
  return routes.map((route) =>
    route.sessionPersistence === undefined
      ? { ...route, destinations: route.destinations.map(ofDestination) }
      : route,
  );
}

/** How many retries a service bears, if somebody says so. */
export function retryBudgetOfService(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
): RetryBudget | undefined {
  const constraint = backendPolicyOf(inputs, fetch, service)?.spec.retryConstraint;
  return constraint === undefined ? undefined : retryBudget(constraint);
}

/** The object that a service's policy is, as the origin of what is made of it. */
export function backendPolicyOrigins(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
): readonly Origin[] {
  const policy = backendPolicyOf(inputs, fetch, service);
  return policy === undefined ? [] : [referenceOf(policy)];
}
