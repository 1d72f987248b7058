import type { Gateway } from "#model/gateway-api/gateway.ts";

export type Listener = Gateway["spec"]["listeners"][number];

/** Why a listener of a Gateway is not served. */
export interface ListenerFault {
  readonly severity: "error" | "warning";
  readonly reason: "UnsupportedProtocol" | "HostnameConflict";
  readonly field: "name" | "port" | "protocol";
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** What is wrong with a listener; undefined for one that is served. */
export function listenerFault({ spec }: Gateway, listener: Listener): ListenerFault | undefined {
  const earlier = spec.listeners.slice(0, spec.listeners.indexOf(listener));
  if (earlier.some(({ name }) => name === listener.name)) {
    const message = `there is a listener ${listener.name} already; give it another name`;
    return { severity: "error", reason: "HostnameConflict", field: "name", message };
  }
  const same = earlier.find(
    ({ port, hostname }) => port === listener.port && (hostname ?? "") === (listener.hostname ?? ""),
  );
  if (same !== undefined) {
    const message = `listener ${same.name} has this port and hostname already; change one of them`;
    return { severity: "error", reason: "HostnameConflict", field: "port", message };
  }
  if (listener.protocol === "HTTP") return undefined;
  const message = `"${listener.protocol}" is not supported yet and has no effect; supported: HTTP`;
  return { severity: "warning", reason: "UnsupportedProtocol", field: "protocol", message };
}
