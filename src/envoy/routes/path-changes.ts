// What becomes of a path, in Envoy's words. Envoy itself keeps the query.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RedirectAction,
  RouteActionSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RegexMatchAndSubstituteSchema } from "@heddle/envoy-api/envoy/type/matcher/v3/regex";
import { literally } from "#model/expression.ts";
import type { PathChange } from "#model/route.ts";

type Substitution = MessageInitShape<typeof RegexMatchAndSubstituteSchema>;

type EnvoyChange =
  | { readonly kind: "prefix"; readonly replacement: string }
  | { readonly kind: "expression"; readonly substitution: Substitution };

/** The change of a path that a route forwards. */
export function pathRewrite(
  change: PathChange | undefined,
): Pick<MessageInitShape<typeof RouteActionSchema>, "prefixRewrite" | "regexRewrite"> {
  if (change === undefined) return {};
  if (change.kind === "whole") return { regexRewrite: substitution("^.*$", change.path) };
  const found = partialChange(change);
  return found.kind === "prefix"
    ? { prefixRewrite: found.replacement }
    : { regexRewrite: found.substitution };
}

type RedirectPath =
  | { case: "pathRedirect" | "prefixRewrite"; value: string }
  | { case: "regexRewrite"; value: Substitution };

/** The change of a path in an answer that sends the client elsewhere. */
export function pathRedirect(
  change: PathChange | undefined,
): RedirectPath | Extract<RedirectAction["pathRewriteSpecifier"], { case: undefined }> {
  if (change === undefined) return { case: undefined };
  if (change.kind === "whole") return { case: "pathRedirect", value: change.path };
  const found = partialChange(change);
  return found.kind === "prefix"
    ? { case: "prefixRewrite", value: found.replacement }
    : { case: "regexRewrite", value: found.substitution };
}

function partialChange(change: Exclude<PathChange, { kind: "whole" }>): EnvoyChange {
  switch (change.kind) {
    case "prefix":
      return prefixChange(change.prefix, change.replacement);
    case "matched":
      // Envoy's own meaning: of a route by exact path or by expression the whole path is what matches.
      return { kind: "prefix", replacement: change.replacement };
    case "expression": {
      const { expression: regex, substitution: text } = change;
      return { kind: "expression", substitution: { pattern: { regex }, substitution: text } };
    }
  }
}

/**
 * Prefixes end where a path's segment ends, with or without a slash: `/a` → `/b` makes `/a/x` into `/b/x`, `/a` → `/`
 * makes it into `/x`. https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier
 */
function prefixChange(prefix: string, replacement: string): EnvoyChange {
  const from = withoutSlash(prefix);
  const to = withoutSlash(replacement);
  // The route matches by "/", which is then part of what is replaced.
  if (from === "") return { kind: "prefix", replacement: `${to}/` };
  if (to !== "") return { kind: "prefix", replacement: to };
  return { kind: "expression", substitution: substitution(`^${literally(from)}/?`, "/") };
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

function substitution(regex: string, path: string): Substitution {
  return { pattern: { regex }, substitution: path.replaceAll("\\", "\\\\") };
}
