import { isHost, isOrdinary } from "../headers.ts";
import {
  type CorsPolicy,
  type HeaderChanges,
  type HeaderValue,
  type Mirror,
  noHeaderChanges,
  type PathChange,
  type Redirect,
  type Rewrite,
  redirectStatuses,
} from "../route.ts";
import { corsPolicy } from "./cors.ts";
import { contentFault } from "./filter-contents.ts";
import type { HeaderFilter, MirrorFilter, PathModifier, RedirectFilter, RouteFilter } from "./filters.ts";
import type { ResolveBackend } from "./resolve-backend.ts";

/** Where filters stand, which decides what they may be. */
export type FilterPlace = "httpRule" | "httpBackend" | "grpcRule" | "grpcBackend";

const headerModifiers = ["RequestHeaderModifier", "ResponseHeaderModifier"];

const supported: Readonly<Record<FilterPlace, readonly string[]>> = {
  httpRule: [...headerModifiers, "RequestRedirect", "URLRewrite", "RequestMirror", "CORS"],
  httpBackend: headerModifiers,
  grpcRule: [...headerModifiers, "RequestMirror"],
  grpcBackend: headerModifiers,
};

/** Why a filter cannot be applied. */
export interface FilterFault {
  readonly index: number;
  readonly reason: "UnsupportedValue" | "IncompatibleFilters";
  readonly message: string;
}

/**
 * The filters of a rule or of a backend that cannot be applied. Whatever has one must answer with an error.
 * `prefixes`: the rule matches by path prefixes alone.
 */
export function filterFaults(
  filters: readonly RouteFilter[] | undefined,
  place: FilterPlace,
  prefixes: boolean,
): readonly FilterFault[] {
  return (filters ?? []).flatMap((filter, index) => {
    const fault = faultOf(filter, (filters ?? []).slice(0, index), place, prefixes);
    return fault === undefined ? [] : [{ index, ...fault }];
  });
}

function faultOf(
  filter: RouteFilter,
  earlier: readonly RouteFilter[],
  place: FilterPlace,
  prefixes: boolean,
): Omit<FilterFault, "index"> | undefined {
  const { type } = filter;
  if (!supported[place].includes(type)) {
    const message = `filter ${type} is not supported here, so requests are answered with an error; supported: ${supported[place].join(", ")}`;
    return { reason: "UnsupportedValue", message };
  }
  const rival = earlier.find((other) => exclude(other.type, type));
  if (rival !== undefined) {
    const message = `does not go with the filter ${rival.type} before it, so requests are answered with an error; remove one of the two`;
    return { reason: "IncompatibleFilters", message };
  }
  const wrong = contentFault(filter);
  if (wrong !== undefined) {
    const message = `${wrong}; until then requests are answered with an error`;
    return { reason: "UnsupportedValue", message };
  }
  const path = filter.requestRedirect?.path ?? filter.urlRewrite?.path;
  if (path?.type !== "ReplacePrefixMatch" || prefixes) return undefined;
  const message =
    "ReplacePrefixMatch needs matches by path prefix alone, so requests are answered with an error; use ReplaceFullPath or PathPrefix";
  return { reason: "UnsupportedValue", message };
}

/** What is redirected goes nowhere: it cannot be changed or copied, and its answer is Envoy's own. */
const withoutRedirect = ["URLRewrite", "RequestMirror", "CORS"];

function exclude(one: string, other: string): boolean {
  if (one === other) return one !== "RequestMirror";
  return (
    [one, other].includes("RequestRedirect") && [one, other].some((type) => withoutRedirect.includes(type))
  );
}

/** What the header filters among these do, but for the Host. */
export function headerEffects(filters: readonly RouteFilter[] | undefined): {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
} {
  return {
    request: headerChanges(find(filters, "RequestHeaderModifier")?.requestHeaderModifier),
    response: headerChanges(find(filters, "ResponseHeaderModifier")?.responseHeaderModifier),
  };
}

/** The Host that they set for requests: to proxies it is no header. */
export function hostOf(filters: readonly RouteFilter[] | undefined): string | undefined {
  const { set = [] } = find(filters, "RequestHeaderModifier")?.requestHeaderModifier ?? {};
  return set.find(({ name }) => isHost(name))?.value;
}

/** Where the filters send copies of requests. */
export function mirrors(
  filters: readonly RouteFilter[] | undefined,
  resolve: ResolveBackend,
): { readonly mirrors?: readonly Mirror[] } {
  const found = (filters ?? []).flatMap(({ type, requestMirror }) =>
    type !== "RequestMirror" || requestMirror === undefined
      ? []
      : [{ service: resolve(requestMirror.backendRef), percentage: percentageOf(requestMirror) }],
  );
  return found.length === 0 ? {} : { mirrors: found };
}

function percentageOf({ percent, fraction }: MirrorFilter): number {
  return fraction === undefined
    ? (percent ?? 100)
    : (100 * fraction.numerator) / (fraction.denominator ?? 100);
}

/** Which pages of other sites the filters let call. */
export function corsOf(filters: readonly RouteFilter[] | undefined): { readonly cors?: CorsPolicy } {
  const filter = find(filters, "CORS")?.cors;
  return filter === undefined ? {} : { cors: corsPolicy(filter) };
}

/** Where the filters send a request, or how they change it. `prefix`: the one that it matched by. */
export function requestEffects(
  filters: readonly RouteFilter[] | undefined,
  prefix: string,
): { readonly redirect?: Redirect; readonly rewrite?: Rewrite } {
  const redirect = find(filters, "RequestRedirect")?.requestRedirect;
  if (redirect !== undefined) return { redirect: redirectOf(redirect, prefix) };
  const rewrite = find(filters, "URLRewrite")?.urlRewrite;
  const hostname = rewrite?.hostname ?? hostOf(filters);
  if (rewrite === undefined && hostname === undefined) return {};
  return { rewrite: { hostname, path: pathChange(rewrite?.path, prefix) } };
}

const portOfScheme = { http: 80, https: 443 };

/** Without a port it is that of the scheme, and without a scheme that of the request. */
function redirectOf(filter: RedirectFilter, prefix: string): Redirect {
  const scheme = filter.scheme === "http" || filter.scheme === "https" ? filter.scheme : undefined;
  return {
    status: redirectStatuses.find((status) => status === filter.statusCode) ?? 302,
    scheme,
    hostname: filter.hostname,
    port: filter.port ?? (scheme === undefined ? "request" : portOfScheme[scheme]),
    path: pathChange(filter.path, prefix),
  };
}

function pathChange(path: PathModifier | undefined, prefix: string): PathChange | undefined {
  if (path === undefined) return undefined;
  return path.type === "ReplaceFullPath"
    ? { kind: "whole", path: path.replaceFullPath ?? "/" }
    : { kind: "prefix", prefix, replacement: path.replacePrefixMatch ?? "/" };
}

function headerChanges(filter: HeaderFilter | undefined): HeaderChanges {
  return filter === undefined
    ? noHeaderChanges
    : {
        set: literal(filter.set),
        add: literal(filter.add),
        remove: (filter.remove ?? []).filter(isOrdinary),
      };
}

/** Values are what they are. */
function literal(headers: HeaderFilter["set"] = []): readonly HeaderValue[] {
  return headers
    .filter(({ name }) => isOrdinary(name))
    .map(({ name, value }) => ({ name, value: value.replaceAll("%", "%%") }));
}

function find(filters: readonly RouteFilter[] | undefined, type: string): RouteFilter | undefined {
  return filters?.find((filter) => filter.type === type);
}
