// What the servers of Istio's Gateways are to the pods that have them.
import { isPort } from "../counts.ts";
import type { IstioServer } from "./gateway.ts";

const requestProtocols: readonly string[] = ["HTTP", "HTTP2", "GRPC"];
const connectionProtocols: readonly string[] = ["TCP", "MONGO"];

/** Protocols of servers, in plaintext. */
export const servedProtocols: readonly string[] = [...requestProtocols, ...connectionProtocols];
/** Those that Istio knows besides. */
export const otherProtocols: readonly string[] = ["HTTPS", "TLS"];

/** Whether the bytes of a server's connections are only passed on; else its requests are routed. */
export function isForConnections({ port }: IstioServer): boolean {
  return connectionProtocols.includes(port.protocol.toUpperCase());
}

/** Whether a server would have to speak TLS for its clients, which only those of requests say by their protocol. */
export function terminatesTls(server: IstioServer): boolean {
  return isForConnections(server) && server.tls !== undefined;
}

/** Whether a server is one of plaintext that is routed. */
export function isServed(server: IstioServer): boolean {
  const { number, protocol } = server.port;
  return servedProtocols.includes(protocol.toUpperCase()) && !terminatesTls(server) && isPort(number);
}

/**
 * The port that a gateway's pod listens on for a server: where a Service before the pod has the server's port, it is
 * that one's target. `services`: those that select the pod; `declared`: the ports of its containers.
 */
export function listeningPort(
  { port: { number } }: IstioServer,
  services: readonly { readonly ports: readonly ServicePort[] }[],
  declared: readonly { readonly port: number; readonly name: string }[],
): number {
  const found = services.flatMap(({ ports }) => ports).find(({ port }) => port === number);
  const target = found?.targetPort ?? number;
  return typeof target === "number" ? target : (declared.find(({ name }) => name === target)?.port ?? number);
}

interface ServicePort {
  readonly port: number;
  readonly targetPort?: number | string;
}
