// Answers that send a client elsewhere.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  RedirectAction_RedirectResponseCode as Code,
  type RedirectActionSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RedirectAction } from "#compile/views.ts";
import { pathRedirect } from "./path-changes.ts";

const codes: Readonly<Record<RedirectAction["status"], Code>> = {
  301: Code.MOVED_PERMANENTLY,
  302: Code.FOUND,
  303: Code.SEE_OTHER,
  307: Code.TEMPORARY_REDIRECT,
  308: Code.PERMANENT_REDIRECT,
};

/** A redirect as Envoy's route action. */
export function redirectAction(action: RedirectAction): MessageInitShape<typeof RedirectActionSchema> {
  return {
    responseCode: codes[action.status],
    ...(action.scheme === undefined
      ? {}
      : { schemeRewriteSpecifier: { case: "schemeRedirect", value: action.scheme } }),
    hostRedirect: action.hostname ?? "",
    portRedirect: action.port ?? 0,
    pathRewriteSpecifier: pathRedirect(action.path),
  };
}
