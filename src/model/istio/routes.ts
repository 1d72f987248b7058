import { parseDuration } from "../duration.ts";
import { objectKey } from "../reference.ts";
import type { HeaderChanges, Route, RouteDestination, RouteMatch, StringMatcher } from "../route.ts";
import type { ServicePortReference } from "../service.ts";
import type { StringMatch } from "./string-match.ts";
import type {
  HeaderOperations,
  IstioDestination,
  IstioHttpMatch,
  IstioHttpRoute,
  VirtualService,
} from "./virtual-service.ts";

/** The service port that a destination means, as seen from the object's namespace; undefined when there is none. */
export type ResolveDestination = (
  destination: IstioDestination,
  namespace: string,
) => ServicePortReference | undefined;

/** API object → domain type: the HTTP routes for a service's port, in the object's own order, which decides. */
export function routesOfVirtualService(
  virtualService: VirtualService,
  port: number,
  resolve: ResolveDestination,
): readonly Route[] {
  const namespace = virtualService.metadata.namespace ?? "default";
  return (virtualService.spec.http ?? []).flatMap((http, index) => {
    const matches: readonly (IstioHttpMatch | undefined)[] =
      http.match === undefined || http.match.length === 0 ? [undefined] : http.match;
    return matches.flatMap((match, matchIndex) =>
      match?.port !== undefined && match.port !== port
        ? []
        : [
            {
              name: `${objectKey(virtualService.metadata)}/${http.name ?? index}`,
              protocol: "http",
              match: routeMatch(match),
              rank: [],
              unsupported: false,
              destinations: destinationsOf(http, namespace, resolve),
              ...timeoutOf(http),
              request: headerChanges(http.headers?.request),
              response: headerChanges(http.headers?.response),
              origin: {
                kind: "VirtualService",
                namespace,
                name: virtualService.metadata.name,
                field: `spec.http[${index}]${match === undefined ? "" : `.match[${matchIndex}]`}`,
              },
            },
          ],
    );
  });
}

function timeoutOf(http: IstioHttpRoute): { readonly timeoutMs?: number } {
  const timeoutMs = http.timeout === undefined ? undefined : parseDuration(http.timeout);
  return timeoutMs === undefined || timeoutMs === 0 ? {} : { timeoutMs };
}

/** A single destination needs no weight: it gets everything. */
function destinationsOf(
  http: IstioHttpRoute,
  namespace: string,
  resolve: ResolveDestination,
): readonly RouteDestination[] {
  const routes = http.route ?? [];
  return routes.map((route) => ({
    service: resolve(route.destination, namespace),
    ...(route.destination.subset === undefined ? {} : { subset: route.destination.subset }),
    weight: routes.length === 1 ? 1 : (route.weight ?? 0),
    request: headerChanges(route.headers?.request),
    response: headerChanges(route.headers?.response),
  }));
}

function routeMatch(match: IstioHttpMatch | undefined): RouteMatch {
  return {
    path: stringMatcher(match?.uri) ?? { kind: "prefix", value: "/" },
    ...(match?.method === undefined ? {} : { method: stringMatcher(match.method) ?? anything }),
    headers: Object.entries(match?.headers ?? {}).map(([name, value]) => ({
      name: name.toLowerCase(),
      value: stringMatcher(value) ?? anything,
    })),
    queryParameters: [],
  };
}

/** An empty matcher asks for presence alone. */
const anything: StringMatcher = { kind: "prefix", value: "" };

function stringMatcher(match: StringMatch | undefined): StringMatcher | undefined {
  if (match?.exact !== undefined) return { kind: "exact", value: match.exact };
  if (match?.prefix !== undefined) return { kind: "prefix", value: match.prefix };
  if (match?.regex !== undefined) return { kind: "regex", value: match.regex };
  return undefined;
}

function headerChanges(operations: HeaderOperations | undefined): HeaderChanges {
  const pairs = (record: Readonly<Record<string, string>> | undefined) =>
    Object.entries(record ?? {}).map(([name, value]) => ({ name, value }));
  return { set: pairs(operations?.set), add: pairs(operations?.add), remove: operations?.remove ?? [] };
}
