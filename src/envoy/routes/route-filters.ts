// What a route says to the HTTP filters, each of which stands in the chain without effect.
import type { Any } from "@bufbuild/protobuf/wkt";
import type { RouteView } from "#compile/views.ts";
import type { RouteMatch } from "#model/route.ts";
import { allowOrigins } from "../filters/cors.ts";
import { lookUpOriginalHost } from "../filters/dynamic-dns.ts";
import { inject } from "../filters/fault.ts";
import { restoreHost } from "../filters/original-host.ts";
import { sessions } from "../filters/stateful-session.ts";

/** `byDestination`: the Host may have made room for the destination. */
export function routeFilters(view: RouteView, byDestination: boolean): Readonly<Record<string, Any>> {
  const { action, cors, fault, host } = view;
  const session = action.kind === "forward" ? action.sessionPersistence : undefined;
  return {
    ...(action.kind === "redirect" && byDestination ? restoreHost : {}),
    ...(byDestination && host?.startsWith("*.") === true ? lookUpOriginalHost : {}),
    ...(fault === undefined ? {} : inject(fault)),
    ...(cors === undefined ? {} : allowOrigins(cors)),
    ...(session === undefined ? {} : sessions(session, cookiePath(view.match))),
  };
}

/**
 * The narrowest path that all requests of a route have, as cookies understand paths: cookies of other routes, which may
 * have the same name, are others. https://gateway-api.sigs.k8s.io/geps/gep-1619/#path
 */
export function cookiePath({ path, ignorePathCase = false }: RouteMatch): string {
  if (ignorePathCase) return "/";
  switch (path?.kind) {
    case "exact":
    case "pathPrefix":
      return path.value;
    case "prefix":
      return path.value.endsWith("/") ? path.value : "/";
    default:
      return "/";
  }
}
