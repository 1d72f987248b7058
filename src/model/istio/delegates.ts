// The routes of a VirtualService with those of its delegates in the places where it delegates.
// https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
import { objectKey } from "../reference.ts";
import { mergeMatches } from "./delegated-matches.ts";
import { gatewayKey } from "./gateway-names.ts";
import { routeFaults } from "./route-faults.ts";
import type { IstioHttpMatch, IstioHttpRoute, VirtualService } from "./virtual-service.ts";

/** A route with the object that it is written in. */
export interface WrittenRoute {
  /** With the names of gateways in full. */
  readonly http: IstioHttpRoute;
  readonly owner: VirtualService;
  /** Its place there, such as `spec.http[2]`. */
  readonly field: string;
  /** Whether it delegates to what cannot be used: its requests are answered with an error. */
  readonly broken: boolean;
  /** Whether its conditions are those that are written there, and no others. */
  readonly ownMatches: boolean;
}

/** Finds a VirtualService by its key. */
export type FindVirtualService = (key: string) => VirtualService | undefined;

/** What a route delegates to, or why it cannot. */
export type Delegation =
  | { readonly kind: "delegate"; readonly delegate: VirtualService }
  | { readonly kind: "missing" | "refused"; readonly message: string };

/** Undefined for a route that delegates to nobody. */
export function delegationOf(
  root: VirtualService,
  { delegate }: IstioHttpRoute,
  find: FindVirtualService,
): Delegation | undefined {
  if (delegate === undefined) return undefined;
  const key = `${delegate.namespace ?? root.metadata.namespace ?? "default"}/${delegate.name ?? ""}`;
  const found = find(key);
  if (found === undefined) {
    return {
      kind: "missing",
      message: `there is no VirtualService ${key} that is exported to this namespace; define it or correct the name`,
    };
  }
  if ((found.spec.hosts ?? []).length > 0) {
    const message = `VirtualService ${key} has hosts of its own, so it is no delegate; remove its hosts`;
    return { kind: "refused", message };
  }
  if ((found.spec.http ?? []).some((http) => http.delegate !== undefined)) {
    const message = `VirtualService ${key} delegates itself, which a delegate may not; name the last one here`;
    return { kind: "refused", message };
  }
  return { kind: "delegate", delegate: found };
}

/** The keys of those that a VirtualService delegates to. */
export function delegateKeys({ metadata, spec }: VirtualService): readonly string[] {
  return (spec.http ?? []).flatMap(({ delegate }) =>
    delegate?.name === undefined
      ? []
      : [`${delegate.namespace ?? metadata.namespace ?? "default"}/${delegate.name}`],
  );
}

/** All routes, in the order in which they are tried. */
export function writtenRoutes(root: VirtualService, find: FindVirtualService): readonly WrittenRoute[] {
  return ownRoutes(root).flatMap((route) => {
    const delegation = delegationOf(root, route.http, find);
    if (delegation === undefined || routeFaults(route.http).length > 0) return [route];
    if (delegation.kind !== "delegate") return [{ ...route, broken: true }];
    return ownRoutes(delegation.delegate).flatMap((inner) => {
      const http = delegated(route.http, inner.http);
      return http === undefined ? [] : [{ ...inner, http, ownMatches: false }];
    });
  });
}

function ownRoutes(owner: VirtualService): readonly WrittenRoute[] {
  const { namespace = "default" } = owner.metadata;
  return (owner.spec.http ?? []).map((http, index) => ({
    http: {
      ...http,
      ...(http.match === undefined
        ? {}
        : { match: http.match.map((match) => withFullNames(match, namespace)) }),
    },
    owner,
    field: `spec.http[${index}]`,
    broken: false,
    ownMatches: true,
  }));
}

function withFullNames(match: IstioHttpMatch, namespace: string): IstioHttpMatch {
  if (match.gateways === undefined) return match;
  return { ...match, gateways: match.gateways.map((name) => gatewayKey(name, namespace)) };
}

/** What the delegate does not say itself is as the root says; undefined where their conditions exclude each other. */
export function delegated(root: IstioHttpRoute, inner: IstioHttpRoute): IstioHttpRoute | undefined {
  const match = mergeMatches(root.match, inner.match);
  if (match === "conflict") return undefined;
  const { delegate: _delegate, match: _match, rewrite, ...inherited } = root;
  const name = [root.name, inner.name].filter((part) => part !== undefined && part !== "").join("-");
  return {
    ...inherited,
    // What is sent elsewhere is not changed on its way.
    ...(rewrite === undefined || inner.redirect !== undefined ? {} : { rewrite }),
    ...inner,
    ...(name === "" ? {} : { name }),
    ...(match === undefined ? {} : { match }),
  };
}

/** The name of a route in proxies and telemetry: that which it has, or its place. */
export function routeName({ owner, http, field }: WrittenRoute): string {
  const place = /\[(\d+)\]$/.exec(field)?.[1] ?? "";
  return `${objectKey(owner.metadata)}/${http.name ?? place}`;
}
