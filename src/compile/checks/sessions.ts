import type { SessionPersistence } from "#model/gateway-api/session-persistence.ts";
import { sessionFault } from "#model/gateway-api/sessions.ts";
import { type CheckFinding, error, warning } from "../finding.ts";

/** Whether sessions are kept as they are asked for. `backends`: how many share the requests. */
export function checkSessions(
  session: SessionPersistence | undefined,
  backends: number,
  field: string,
): readonly CheckFinding[] {
  if (session === undefined) return [];
  const fault = sessionFault(session);
  const isByHeader = session.type === "Header";
  return [
    ...(fault === undefined ? [] : [error(`${field}.sessionName`, fault, "UnsupportedValue")]),
    ...(isByHeader && session.absoluteTimeout !== undefined
      ? [
          warning(
            `${field}.absoluteTimeout`,
            "has no effect on sessions by header, which last as long as clients send it; use type Cookie",
          ),
        ]
      : []),
    ...(isByHeader && backends > 1
      ? [
          warning(
            `${field}.type`,
            "sessions by header do not choose between backends: a request that its weight sends to another begins a new session; use type Cookie",
          ),
        ]
      : []),
  ];
}
