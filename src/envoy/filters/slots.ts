// The order of HTTP filters, each line with its reason.
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { extension, type typedExtension } from "../messages.ts";
import { cors } from "./cors.ts";
import { dynamicDns } from "./dynamic-dns.ts";
import { fault } from "./fault.ts";
import { onDemand, wayByDestination } from "./on-demand.ts";
import { originalHost } from "./original-host.ts";
import { policies } from "./policies.ts";
import { statefulSession } from "./stateful-session.ts";
import { waitForRoute } from "./wait.ts";

const router = extension("envoy.filters.http.router", RouterSchema, {});

/** What routes in a sidecar can configure. */
const byRoute = [
  cors, // before faults: scripts of pages may read what these answer
  fault, // before what chooses an endpoint
  statefulSession, // chooses the endpoint
];

/** What a request passes on its way out of a pod. */
export const outboundHttpFilters = [
  always(onDemand), // first: the rest may need the cluster that it asks for
  // Of a route that is not known yet it is not known either what it configures.
  wayByDestination([
    waitForRoute, // directly behind the look-up, whose work it does where that does not
    ...byRoute,
    originalHost, // after the last look at the way by destination, before what answers with a redirect
    dynamicDns, // last: it looks up the Host that all others have left
  ]),
  ...byRoute.map(ifConfigured),
  router, // terminal
];

/** What a request passes on its way into a pod. */
export const inboundHttpFilters = [
  policies, // first: nothing is done for a request that is one too many
  router, // terminal
];

/** The same for ports to which no policy can apply. */
export const inboundHttpFiltersWithoutPolicies = [
  router, // terminal
];

/** What a request passes in a gateway. */
export const gatewayHttpFilters = [
  ifConfigured(cors), // first: scripts of pages may read what the others answer
  policies, // before the rest: nothing is done for a request that is one too many
  ifConfigured(fault), // a backend that does not exist answers 500
  ifConfigured(statefulSession), // chooses the endpoint
  router, // terminal
];

/**
 * A filter that costs nothing where the route does not configure it. Which filters a request passes is settled by the
 * first route that it matches.
 */
function ifConfigured(filter: ReturnType<typeof typedExtension>) {
  return { ...always(filter), disabled: true };
}

function always({ name, typedConfig: value }: ReturnType<typeof typedExtension>) {
  return { name, configType: { case: "typedConfig" as const, value } };
}
