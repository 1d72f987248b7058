import type { Gateway } from "#model/gateway-api/gateway.ts";

export type Listener = Gateway["spec"]["listeners"][number];

/** Why a listener of a Gateway is not served. */
export interface ListenerFault {
  readonly severity: "error" | "warning";
  readonly reason: "UnsupportedProtocol" | "HostnameConflict" | "ProtocolConflict";
  readonly field: "name" | "port" | "protocol";
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** The kinds of routes that listeners have, by protocol. */
const routeKinds: Readonly<Record<string, readonly string[]>> = {
  HTTP: ["HTTPRoute", "GRPCRoute"],
  TCP: ["TCPRoute"],
};

/** The kinds of routes that a listener can have; none, where its protocol is not supported. */
export function routeKindsOf({ protocol }: Listener): readonly string[] {
  return routeKinds[protocol] ?? [];
}

/** What is wrong with a listener; undefined for one that is served. */
export function listenerFault({ spec }: Gateway, listener: Listener): ListenerFault | undefined {
  const earlier = spec.listeners.slice(0, spec.listeners.indexOf(listener));
  if (earlier.some(({ name }) => name === listener.name)) {
    const message = `there is a listener ${listener.name} already; give it another name`;
    return { severity: "error", reason: "HostnameConflict", field: "name", message };
  }
  const beside = earlier.filter(({ port }) => port === listener.port);
  const other = beside.find(
    ({ protocol }) => protocol !== listener.protocol && [protocol, listener.protocol].includes("TCP"),
  );
  if (other !== undefined) {
    const message = `listener ${other.name} has this port with protocol ${other.protocol} already; change one of the ports`;
    return { severity: "error", reason: "ProtocolConflict", field: "port", message };
  }
  const same = beside.find((each) => hostnameOf(each) === hostnameOf(listener));
  if (same !== undefined) {
    const message = `listener ${same.name} has this port and hostname already; change one of them`;
    return { severity: "error", reason: "HostnameConflict", field: "port", message };
  }
  if (routeKindsOf(listener).length > 0) return undefined;
  const message = `"${listener.protocol}" is not supported yet and has no effect; supported: ${Object.keys(routeKinds).join(", ")}`;
  return { severity: "warning", reason: "UnsupportedProtocol", field: "protocol", message };
}

/** Connections say no name. */
function hostnameOf({ protocol, hostname = "" }: Listener): string {
  return protocol === "TCP" ? "" : hostname;
}
