// Where a route of a VirtualService sends a client, what it answers itself, and how it changes what it forwards.
import {
  type DirectResponse,
  type PathChange,
  type Redirect,
  type Rewrite,
  redirectStatuses,
} from "../route.ts";
import type { IstioHttpRoute } from "./virtual-service.ts";
import type { HttpRedirect, HttpRewrite } from "./virtual-service-http.ts";

/**
 * API type → domain type. Where no port is named, the new address has none but that of a Host that stays.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRedirect
 */
export function redirectOf(redirect: HttpRedirect): Redirect {
  const { uri, authority, port, derivePort, scheme, redirectCode, prefixRewrite } = redirect;
  return {
    status: redirectStatuses.find((status) => status === redirectCode) ?? 301,
    scheme: scheme === "http" || scheme === "https" ? scheme : undefined,
    hostname: filled(authority),
    port: port ?? (derivePort === "FROM_REQUEST_PORT" ? "request" : undefined),
    path:
      filled(uri) === undefined
        ? matched(filled(prefixRewrite))
        : { kind: "whole", path: filled(uri) ?? "/" },
  };
}

/** API type → domain type. https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPDirectResponse */
export function directResponseOf({
  status,
  body,
}: NonNullable<IstioHttpRoute["directResponse"]>): DirectResponse {
  if (body?.bytes !== undefined) return { status, body: body.bytes, encoding: "base64" };
  return { status, body: body?.string ?? "" };
}

/**
 * API type → domain type. `hostname`: the one that is set among the headers.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRewrite
 */
export function rewriteOf(
  rewrite: HttpRewrite | undefined,
  hostname: string | undefined,
): { readonly rewrite?: Rewrite } {
  const host = filled(rewrite?.authority) ?? hostname;
  const path = pathRewrite(rewrite);
  return host === undefined && path === undefined ? {} : { rewrite: { hostname: host, path } };
}

function pathRewrite(rewrite: HttpRewrite | undefined): PathChange | undefined {
  const { match, rewrite: substitution = "" } = rewrite?.uriRegexRewrite ?? {};
  if (match !== undefined) return { kind: "expression", expression: match, substitution };
  return matched(filled(rewrite?.uri));
}

function matched(replacement: string | undefined): PathChange | undefined {
  return replacement === undefined ? undefined : { kind: "matched", replacement };
}

function filled(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
