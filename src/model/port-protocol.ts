// What a port speaks, by the words of Kubernetes and Istio.
import type { PortProtocol } from "./service.ts";

const protocolWords: Readonly<Record<string, PortProtocol>> = {
  http: "http",
  http2: "http",
  "kubernetes.io/h2c": "http",
  "kubernetes.io/ws": "http",
  grpc: "grpc",
  "grpc-web": "grpc",
  tcp: "tcp",
  tls: "tls",
  https: "tls",
  "kubernetes.io/wss": "tls",
  mongo: "tcp",
  mysql: "tcp",
  redis: "tcp",
};

/** An application's port, as far as it says what it speaks. */
interface DeclaredPort {
  readonly appProtocol?: string;
  readonly name?: string;
}

/** What a port is declared to speak; `detect` where nothing is that is known. */
export function portProtocol(port: DeclaredPort): PortProtocol {
  return protocolOfWord(declaredWord(port)) ?? "detect";
}

/** Whether it is declared to speak HTTP/2 from the first byte. */
export function speaksHttp2AtOnce(port: DeclaredPort): boolean {
  return isHttp2Word(declaredWord(port));
}

/**
 * `appProtocol` decides, else the first word of the port's name (`http-web` → http).
 * https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
function declaredWord({ appProtocol, name = "" }: DeclaredPort): string {
  if (appProtocol !== undefined && protocolOfWord(appProtocol) !== undefined) return appProtocol;
  return name.toLowerCase().startsWith("grpc-web") ? "grpc-web" : (name.split("-")[0] ?? "");
}

/** A protocol by its name in Kubernetes or Istio, in any case; undefined if it is none that is known. */
export function protocolOfWord(word: string): PortProtocol | undefined {
  return protocolWords[word.toLowerCase()];
}

/** Whether such a name means HTTP/2 from the first byte. */
export function isHttp2Word(word: string): boolean {
  return ["http2", "kubernetes.io/h2c", "grpc"].includes(word.toLowerCase());
}
