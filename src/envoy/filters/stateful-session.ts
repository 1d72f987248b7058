// Requests of one session go to one endpoint, as long as it is there. The client carries the session: the endpoint's
// address, in a cookie or a header.
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/http/stateful_session/v3/stateful_session";
import { CookieBasedSessionStateSchema } from "@heddle/envoy-api/envoy/extensions/http/stateful_session/cookie/v3/cookie";
import { HeaderBasedSessionStateSchema } from "@heddle/envoy-api/envoy/extensions/http/stateful_session/header/v3/header";
import type { SessionPersistence } from "#model/route.ts";
import { duration, pack, typedExtension } from "../messages.ts";

const name = "envoy.filters.http.stateful_session";

/** Without a route's session it does nothing. */
export const statefulSession = typedExtension(name, StatefulSessionSchema, {});

/** The sessions of a route or of a destination. `path`: that of the requests that a cookie is for. */
export function sessions(session: SessionPersistence, path: string) {
  const sessionState =
    session.kind === "header"
      ? typedExtension("envoy.http.stateful_session.header", HeaderBasedSessionStateSchema, {
          name: session.name,
        })
      : typedExtension("envoy.http.stateful_session.cookie", CookieBasedSessionStateSchema, {
          cookie: {
            name: session.name,
            path,
            ...(session.lifetimeMs === undefined ? {} : { ttl: duration(session.lifetimeMs) }),
          },
        });
  return {
    [name]: pack(StatefulSessionPerRouteSchema, {
      override: { case: "statefulSession", value: { sessionState } },
    }),
  };
}
