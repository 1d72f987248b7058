// An interpreter of the Envoy configuration that a mesh generates: where would this call go? It asserts behaviour, not
// bytes. Idea: Istio's pilot/pkg/simulation.
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import {
  type CookieMatcher,
  type HeaderMatcher,
  type RedirectAction,
  type Route,
  type RouteMatch,
  type VirtualHost,
  VirtualHostSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import type { RegexMatchAndSubstitute } from "@heddle/envoy-api/envoy/type/matcher/v3/regex";
import type { StringMatcher } from "@heddle/envoy-api/envoy/type/matcher/v3/string";
import type { Graph } from "#collections/graph.ts";
import type { EnvoyProvider } from "#envoy/provider.ts";
import type { ProxyIdentity } from "#model/workload.ts";
import { clusterType, endpointsType, listenerType, virtualHostType } from "#xds/type-urls.ts";
import { chosenChain } from "./chain-matching.ts";

/** What an application does. */
export interface Call {
  readonly from: { readonly namespace: string; readonly pod: string };
  /** `address:port` as dialled. */
  readonly to: string;
  /** Undefined: bytes that are not HTTP. */
  readonly http?: {
    readonly host: string;
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

/** What becomes of it. */
export interface Outcome {
  /** The name of the outbound listener's filter chain. */
  readonly chain: string;
  readonly route?: string;
  /** Answered by the proxy itself. */
  readonly status?: number;
  /** Where the answer sends the client. */
  readonly location?: string;
  /** What the backend sees instead of the path that was asked for. */
  readonly path?: string;
  readonly destinations: readonly Destination[];
}

export interface Destination {
  readonly cluster: string;
  readonly weight: number;
  /** `address:port`, with `+mtls` where the connection is encrypted. */
  readonly endpoints: readonly string[];
}

export function simulate(graph: Graph, provider: EnvoyProvider, call: Call): Outcome {
  const read = reader(graph, provider, { ...call.from, podUid: "", serviceAccount: "" });
  const listener = read(ListenerSchema, listenerType, "outbound");
  if (listener === undefined) throw new Error("there is no outbound listener");
  const [address = "", portText = ""] = call.to.split(":");
  const protocols = call.http === undefined ? [] : ["http/1.1"];
  const chain = chosenChain(listener, { address, port: Number(portText), protocols });
  const toCluster = (cluster: string, weight: number): Destination => ({
    cluster,
    weight,
    endpoints: endpointsOf(read, cluster),
  });
  if (chain === "tcp") return { chain, destinations: [toCluster(`tcp|${call.to}`, 1)] };
  if (chain !== "http" || call.http === undefined) return { chain, destinations: [] };
  const host = read(VirtualHostSchema, virtualHostType, `outbound/${call.to}`);
  if (host === undefined) throw new Error(`nobody answers about ${call.to}`);
  const route = findRoute(host, call.to, call.http);
  if (route === undefined) return { chain, destinations: [] };
  if (route.action.case === "directResponse") {
    return { chain, route: route.name, status: route.action.value.status, destinations: [] };
  }
  if (route.action.case === "redirect") {
    const { status, location } = redirected(route.action.value, route.match, call.http);
    return { chain, route: route.name, status, location, destinations: [] };
  }
  if (route.action.case !== "route") throw new Error(`an action that is not simulated: ${route.action.case}`);
  const { clusterSpecifier } = route.action.value;
  const weighted =
    clusterSpecifier.case === "weightedClusters"
      ? clusterSpecifier.value.clusters.map(({ name, weight }) => toCluster(name, weight ?? 0))
      : [toCluster(clusterSpecifier.case === "cluster" ? clusterSpecifier.value : "", 1)];
  const path = changedPath(route.action.value, route.match, call.http.path ?? "/");
  return { chain, route: route.name, ...(path === undefined ? {} : { path }), destinations: weighted };
}

const redirectStatuses = [301, 302, 303, 307, 308];

function redirected(action: RedirectAction, match: RouteMatch | undefined, http: NonNullable<Call["http"]>) {
  const { schemeRewriteSpecifier: scheme, hostRedirect, portRedirect, pathRewriteSpecifier } = action;
  const host = hostRedirect === "" ? http.host : hostRedirect;
  const port = portRedirect === 0 ? "" : `:${portRedirect}`;
  const path = http.path ?? "/";
  const changes =
    pathRewriteSpecifier.case === undefined
      ? {}
      : { [pathRewriteSpecifier.case]: pathRewriteSpecifier.value };
  return {
    status: redirectStatuses[action.responseCode] ?? 0,
    location: `${scheme.case === "schemeRedirect" ? scheme.value : "http"}://${host}${port}${changedPath(changes, match, path) ?? path}`,
  };
}

/** A path as a route changes it; undefined where it does not. */
function changedPath(
  changes: {
    readonly prefixRewrite?: string;
    readonly pathRedirect?: string;
    readonly regexRewrite?: RegexMatchAndSubstitute | undefined;
  },
  match: RouteMatch | undefined,
  path: string,
): string | undefined {
  const { prefixRewrite = "", pathRedirect = "", regexRewrite } = changes;
  if (pathRedirect !== "") return pathRedirect;
  if (regexRewrite !== undefined) {
    return path.replace(new RegExp(regexRewrite.pattern?.regex ?? ""), regexRewrite.substitution);
  }
  const specifier = match?.pathSpecifier;
  if (prefixRewrite === "") return undefined;
  // Of a path that matches as a whole, all is what matches.
  const isPrefix = specifier?.case === "pathSeparatedPrefix" || specifier?.case === "prefix";
  return isPrefix ? prefixRewrite + path.slice(specifier.value.length) : prefixRewrite;
}

type Read = <Desc extends DescMessage>(
  schema: Desc,
  typeUrl: string,
  name: string,
) => MessageShape<Desc> | undefined;

/** Reads what a proxy would get under a name. */
function reader(graph: Graph, provider: EnvoyProvider, client: ProxyIdentity): Read {
  return (schema, typeUrl, name) => {
    const key = provider.keyOf({ ...client, balancesByLatency: false }, { typeUrl, name });
    provider.resources.retain(key);
    graph.settle();
    const resource = provider.resources.get(key);
    provider.resources.release(key);
    if (resource?.kind !== "resource") return undefined;
    const packed = fromBinary(ResourceSchema, resource.encoded).resource;
    return packed === undefined ? undefined : fromBinary(schema, packed.value);
  };
}

function endpointsOf(read: Read, name: string): readonly string[] {
  const cluster = read(ClusterSchema, clusterType, name);
  const eds = cluster?.edsClusterConfig;
  if (cluster === undefined || eds === undefined) return [];
  const list = eds.serviceName || cluster.name;
  const assignment = read(ClusterLoadAssignmentSchema, endpointsType, list);
  return (assignment?.endpoints ?? []).flatMap((locality) =>
    locality.lbEndpoints.map((endpoint) => {
      const socket =
        endpoint.hostIdentifier.case === "endpoint"
          ? endpoint.hostIdentifier.value.address?.address
          : undefined;
      if (socket?.case !== "socketAddress") throw new Error("an endpoint without an address");
      const plaintext =
        endpoint.metadata?.filterMetadata["envoy.transport_socket_match"]?.["plaintext"] === "true";
      const { address, portSpecifier } = socket.value;
      return `${address}:${portSpecifier.value}${!plaintext && cluster.transportSocketMatches.length > 0 ? "+mtls" : ""}`;
    }),
  );
}

/** Both ways to a virtual host end at the same routes: every route asks for the destination. */
function findRoute(
  host: VirtualHost,
  destination: string,
  http: NonNullable<Call["http"]>,
): Route | undefined {
  const headers: Readonly<Record<string, string>> = {
    ...http.headers,
    ":method": http.method ?? "GET",
    // Set by the time that a route by destination is looked for.
    "x-heddle-miss": "1",
    ":authority": destination,
    "x-heddle-authority": http.host,
    ":scheme": "http",
  };
  const [path = "/", query = ""] = (http.path ?? "/").split("?");
  return host.routes.find(
    ({ match }) =>
      match !== undefined &&
      pathFits(match, path) &&
      match.headers.every((matcher) => headerFits(matcher, headers)) &&
      match.filterState.every(
        ({ matcher }) => matcher.case === "stringMatch" && stringFits(matcher.value, destination),
      ) &&
      match.cookies.every((matcher) => cookieFits(matcher, headers["cookie"] ?? "")) &&
      match.queryParameters.every((matcher) => {
        const value = new URLSearchParams(query).get(matcher.name);
        if (matcher.queryParameterMatchSpecifier.case === "presentMatch") return value !== null;
        return (
          matcher.queryParameterMatchSpecifier.case === "stringMatch" &&
          value !== null &&
          stringFits(matcher.queryParameterMatchSpecifier.value, value)
        );
      }),
  );
}

function pathFits({ pathSpecifier }: RouteMatch, path: string): boolean {
  switch (pathSpecifier.case) {
    case "prefix":
      return path.startsWith(pathSpecifier.value);
    case "path":
      return path === pathSpecifier.value;
    case "pathSeparatedPrefix":
      return path === pathSpecifier.value || path.startsWith(`${pathSpecifier.value}/`);
    case "safeRegex":
      return new RegExp(`^(?:${pathSpecifier.value.regex})$`).test(path);
    default:
      throw new Error(`a path match that is not simulated: ${pathSpecifier.case}`);
  }
}

function headerFits(matcher: HeaderMatcher, headers: Readonly<Record<string, string>>): boolean {
  const value = headers[matcher.name] ?? (matcher.treatMissingHeaderAsEmpty ? "" : undefined);
  const { headerMatchSpecifier } = matcher;
  const fits =
    headerMatchSpecifier.case === "presentMatch"
      ? (value !== undefined) === headerMatchSpecifier.value
      : headerMatchSpecifier.case === "stringMatch" &&
        value !== undefined &&
        stringFits(headerMatchSpecifier.value, value);
  return fits !== matcher.invertMatch;
}

function cookieFits({ name, stringMatch, invertMatch }: CookieMatcher, header: string): boolean {
  const cookies = header.split("; ").map((cookie) => cookie.split("="));
  const value = cookies.find(([own]) => own === name)?.[1];
  return (value !== undefined && stringMatch !== undefined && stringFits(stringMatch, value)) !== invertMatch;
}

function stringFits({ matchPattern }: StringMatcher, value: string): boolean {
  switch (matchPattern.case) {
    case "exact":
      return value === matchPattern.value;
    case "prefix":
      return value.startsWith(matchPattern.value);
    case "safeRegex":
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(value);
    default:
      throw new Error(`a string match that is not simulated: ${matchPattern.case}`);
  }
}
