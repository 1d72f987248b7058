// What the servers of Istio's Gateways are to the pods that have them.
import type { IstioServer } from "./gateway.ts";

/** Protocols whose requests are routed. */
export const servedProtocols: readonly string[] = ["HTTP", "HTTP2", "GRPC"];
/** Those that Istio knows besides. */
export const otherProtocols: readonly string[] = ["HTTPS", "TLS", "TCP", "MONGO"];

/** Whether a server is one of plaintext HTTP. */
export function isServed({ port }: IstioServer): boolean {
  return servedProtocols.includes(port.protocol.toUpperCase());
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
