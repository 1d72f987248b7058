import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StringMatcherSchema } from "@heddle/envoy-api/envoy/type/matcher/v3/string";
import type { StringMatcher } from "#model/route.ts";

/** How a string must look → Envoy's matcher. */
export function stringMatch(matcher: StringMatcher): MessageInitShape<typeof StringMatcherSchema> {
  return {
    matchPattern:
      matcher.kind === "regex"
        ? { case: "safeRegex", value: { regex: matcher.value } }
        : { case: matcher.kind, value: matcher.value },
  };
}
