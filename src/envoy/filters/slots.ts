// The order of HTTP filters, each line with its reason.
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { extension } from "../messages.ts";
import { cors } from "./cors.ts";
import { dynamicDns } from "./dynamic-dns.ts";
import { fault, faultOrWait } from "./fault.ts";
import { miss, onDemand } from "./on-demand.ts";
import { originalHost } from "./original-host.ts";
import { policies } from "./policies.ts";
import { statefulSession } from "./stateful-session.ts";

const router = extension("envoy.filters.http.router", RouterSchema, {});

/** What a request passes on its way out of a pod. */
export const outboundHttpFilters = [
  miss, // first: it changes which route the request has
  onDemand, // before every filter that a route configures, so that these see the route that was fetched
  cors, // after the route is known, and before faults: scripts of pages may read what these answer
  faultOrWait, // before what needs a route, as choosing an endpoint does
  statefulSession, // chooses the endpoint
  originalHost, // after the last look at the way by destination, before what answers with a redirect
  dynamicDns, // last: it looks up the Host that all others have left
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
  cors, // first: scripts of pages may read what the others answer
  policies, // before the rest: nothing is done for a request that is one too many
  fault, // a backend that does not exist answers 500
  statefulSession, // chooses the endpoint
  router, // terminal
];
