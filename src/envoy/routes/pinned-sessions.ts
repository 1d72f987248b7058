// Sessions by cookie on a route with several backends. A session stays with the backend that its first request went to,
// whatever the weights say: a second cookie names it, and a route before the weights takes the requests that have it.
// https://gateway-api.sigs.k8s.io/geps/gep-1619/#traffic-splitting
import { createHash } from "node:crypto";
import type { RouteAction, RouteView, WeightedCluster } from "#compile/views.ts";
import type { SessionPersistence } from "#model/route.ts";
import { clusterName } from "../names.ts";
import { cookiePath } from "./route-filters.ts";
import type { Conditions } from "./route-matches.ts";

type Forward = Extract<RouteAction, { kind: "forward" }>;

/** A route, and the cookies that a request must have to take it. */
export interface PinnedRoute {
  readonly view: RouteView;
  readonly cookies: Conditions["cookies"];
}

/** A route, and before it those of the sessions that have begun. */
export function pinnedRoutes(view: RouteView): readonly PinnedRoute[] {
  const { action } = view;
  const session = action.kind === "forward" ? action.sessionPersistence : undefined;
  if (action.kind !== "forward" || session?.kind !== "cookie" || action.destinations.length < 2) {
    return [{ view, cookies: [] }];
  }
  const name = `${session.name}-backend`;
  const only = (destinations: Forward["destinations"]): RouteView => ({
    ...view,
    action: { ...action, destinations },
  });
  const pinned = action.destinations.flatMap((destination) => {
    const value = idOf(destination);
    return value === undefined ? [] : [{ view: only([destination]), cookies: [exactly(name, value)] }];
  });
  const path = cookiePath(view.match);
  const telling = action.destinations.map((each) => {
    const value = idOf(each);
    return value === undefined ? each : withCookie(each, cookieText(session, { name, value }, path));
  });
  return [...pinned, { view: only(telling), cookies: [] }];
}

function exactly(name: string, value: string): Conditions["cookies"][number] {
  return { name, value: { kind: "exact", value } };
}

/** The same after edits of the route; a backend that cannot be used has none. */
function idOf({ cluster }: WeightedCluster): string | undefined {
  return cluster === undefined
    ? undefined
    : createHash("sha1").update(clusterName(cluster)).digest("hex").slice(0, 12);
}

function cookieText(
  { lifetimeMs }: SessionPersistence,
  { name, value }: { readonly name: string; readonly value: string },
  path: string,
): string {
  const age = lifetimeMs === undefined ? "" : `; Max-Age=${Math.ceil(lifetimeMs / 1_000)}`;
  // In a header's value a percent sign begins a command.
  return `${name}=${value}${age}; Path=${path.replaceAll("%", "%%")}; HttpOnly`;
}

function withCookie(destination: WeightedCluster, value: string): WeightedCluster {
  const { response } = destination;
  return {
    ...destination,
    response: { ...response, add: [...response.add, { name: "set-cookie", value }] },
  };
}
