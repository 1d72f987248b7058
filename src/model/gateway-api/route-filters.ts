import {
  type HeaderChanges,
  noHeaderChanges,
  type PathChange,
  type Redirect,
  type Rewrite,
} from "../route.ts";
import type { HeaderFilter, PathModifier, RedirectFilter, RouteFilter } from "./filters.ts";

/** Where filters stand, which decides what they may be. */
export type FilterPlace = "httpRule" | "httpBackend" | "grpcRule" | "grpcBackend";

const headerModifiers = ["RequestHeaderModifier", "ResponseHeaderModifier"];

const supported: Readonly<Record<FilterPlace, readonly string[]>> = {
  httpRule: [...headerModifiers, "RequestRedirect", "URLRewrite"],
  httpBackend: headerModifiers,
  grpcRule: headerModifiers,
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
  const rival = earlier.find((other) => other.type === type || (excludes(other) && excludes(filter)));
  if (rival !== undefined) {
    const message = `does not go with the filter ${rival.type} before it, so requests are answered with an error; remove one of the two`;
    return { reason: "IncompatibleFilters", message };
  }
  const path = filter.requestRedirect?.path ?? filter.urlRewrite?.path;
  if (path?.type !== "ReplacePrefixMatch" || prefixes) return undefined;
  const message =
    "ReplacePrefixMatch needs matches by path prefix alone, so requests are answered with an error; use ReplaceFullPath or PathPrefix";
  return { reason: "UnsupportedValue", message };
}

function excludes({ type }: RouteFilter): boolean {
  return type === "RequestRedirect" || type === "URLRewrite";
}

/** What the header filters among these do. */
export function headerEffects(filters: readonly RouteFilter[] | undefined): {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
} {
  return {
    request: headerChanges(find(filters, "RequestHeaderModifier")?.requestHeaderModifier),
    response: headerChanges(find(filters, "ResponseHeaderModifier")?.responseHeaderModifier),
  };
}

/** Where the filters send a request, or how they change it. `prefix`: the one that it matched by. */
export function requestEffects(
  filters: readonly RouteFilter[] | undefined,
  prefix: string,
): { readonly redirect?: Redirect; readonly rewrite?: Rewrite } {
  const redirect = find(filters, "RequestRedirect")?.requestRedirect;
  if (redirect !== undefined) return { redirect: redirectOf(redirect, prefix) };
  const rewrite = find(filters, "URLRewrite")?.urlRewrite;
  if (rewrite === undefined) return {};
  return { rewrite: { hostname: rewrite.hostname, path: pathChange(rewrite.path, prefix) } };
}

const statuses: readonly Redirect["status"][] = [301, 302, 303, 307, 308];

const portOfScheme = { http: 80, https: 443 };

/** Without a port it is that of the scheme, and without a scheme that of the request. */
function redirectOf(filter: RedirectFilter, prefix: string): Redirect {
  const scheme = filter.scheme === "http" || filter.scheme === "https" ? filter.scheme : undefined;
  return {
    status: statuses.find((status) => status === filter.statusCode) ?? 302,
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
    : { set: filter.set ?? [], add: filter.add ?? [], remove: filter.remove ?? [] };
}

function find(filters: readonly RouteFilter[] | undefined, type: string): RouteFilter | undefined {
  return filters?.find((filter) => filter.type === type);
}
