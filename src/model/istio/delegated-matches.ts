// The conditions of a delegate's route and those of the route that delegates to it, as one.
// https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
import type { StringMatch } from "./string-match.ts";
import type { IstioHttpMatch } from "./virtual-service.ts";

type Matches = readonly IstioHttpMatch[] | undefined;

/**
 * A delegate's condition must lie inside of one of the root's, and then both hold. A conflict where some condition of
 * the delegate lies inside of none: then nothing of its route counts. Undefined: no conditions.
 */
export function mergeMatches(root: Matches = [], delegate: Matches = []): Matches | "conflict" {
  if (root.length === 0) return delegate.length === 0 ? undefined : delegate;
  if (delegate.length === 0) return root;
  const merged = delegate.map((inner) =>
    root.filter((outer) => isInside(inner, outer)).map((outer) => mergeMatch(outer, inner)),
  );
  return merged.some((found) => found.length === 0) ? "conflict" : merged.flat();
}

function mergeMatch(outer: IstioHttpMatch, inner: IstioHttpMatch): IstioHttpMatch {
  const name = [outer.name, inner.name].filter((part) => part !== undefined && part !== "").join("-");
  return {
    ...outer,
    ...inner,
    ...(name === "" ? {} : { name }),
    headers: { ...outer.headers, ...inner.headers },
    withoutHeaders: { ...outer.withoutHeaders, ...inner.withoutHeaders },
    queryParams: { ...outer.queryParams, ...inner.queryParams },
    sourceLabels: { ...outer.sourceLabels, ...inner.sourceLabels },
  };
}

function isInside(inner: IstioHttpMatch, outer: IstioHttpMatch): boolean {
  return (
    (["uri", "scheme", "method", "authority"] as const).every((field) => fits(inner[field], outer[field])) &&
    (["headers", "withoutHeaders", "queryParams"] as const).every((field) =>
      Object.entries(inner[field] ?? {}).every(([name, match]) => fits(match, outer[field]?.[name])),
    ) &&
    (inner.ignoreUriCase ?? false) === (outer.ignoreUriCase ?? false) &&
    agree(inner.port, outer.port) &&
    agree(inner.sourceNamespace, outer.sourceNamespace) &&
    Object.entries(inner.sourceLabels ?? {}).every(([name, value]) =>
      agree(value, outer.sourceLabels?.[name]),
    ) &&
    gatewaysFit(inner.gateways ?? [], outer.gateways ?? [])
  );
}

function agree<T>(inner: T | undefined, outer: T | undefined): boolean {
  return inner === undefined || outer === undefined || inner === outer;
}

function gatewaysFit(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.length === 0 || outer.length === 0 || inner.every((name) => outer.includes(name));
}

/** Whether all that `inner` means is meant by `outer`; nobody can tell of two of which one is a regular expression. */
function fits(inner: StringMatch | undefined, outer: StringMatch | undefined): boolean {
  if (isEmpty(inner) || isEmpty(outer)) return true;
  if (inner?.regex !== undefined || outer?.regex !== undefined) return false;
  if (outer?.exact !== undefined) return inner?.exact === outer.exact;
  return (inner?.exact ?? inner?.prefix ?? "").startsWith(outer?.prefix ?? "");
}

function isEmpty(match: StringMatch | undefined): boolean {
  return (
    match === undefined ||
    (match.exact === undefined && match.prefix === undefined && match.regex === undefined)
  );
}
