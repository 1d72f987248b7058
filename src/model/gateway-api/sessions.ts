import { parseDuration } from "../duration.ts";
import type { SessionPersistence as DomainSessionPersistence } from "../route.ts";
import type { SessionPersistence } from "./session-persistence.ts";

/** Why sessions cannot be kept; the message says what to do. */
export function sessionFault({ sessionName }: SessionPersistence): string | undefined {
  // What both a cookie and a header may be called.
  return sessionName === undefined || /^[\w!#$%&'*+.^`|~-]+$/.test(sessionName)
    ? undefined
    : `${JSON.stringify(sessionName)} is no name of a cookie or a header, so requests are answered with an error; use letters, digits, - and _`;
}

/** Whether a rule asks for sessions that cannot be kept. */
export function hasSessionFault(rule: { readonly sessionPersistence?: SessionPersistence }): boolean {
  return rule.sessionPersistence !== undefined && sessionFault(rule.sessionPersistence) !== undefined;
}

/**
 * API object → domain type. `owner` names what has the sessions, so that those of several do not mix where the user
 * gives them no names.
 */
export function sessionPersistence(session: SessionPersistence, owner: string): DomainSessionPersistence {
  const kind = session.type === "Header" ? "header" : "cookie";
  const lifetimeMs =
    session.absoluteTimeout === undefined ? undefined : parseDuration(session.absoluteTimeout);
  return {
    kind,
    name: session.sessionName ?? `heddle-session-${owner.replace(/[^\w-]/g, "-")}`,
    // A header is as old as the client likes.
    ...(kind === "header" || lifetimeMs === undefined ? {} : { lifetimeMs }),
  };
}
