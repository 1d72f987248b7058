import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container, HttpGetAction } from "#model/kubernetes/pod.ts";

/** Resolves with nothing when the check succeeded, or with why it did not. Never rejects. */
export type Check = (timeoutMs: number) => Promise<string | undefined>;

/** A GET by the node, as the kubelet does it: 200 to 399 is success. */
export function httpCheck(action: HttpGetAction, container: Container, podAddress: string): Check {
  const port = portNumber(action.port, container);
  if (port === undefined) return unknownPort(action.port);
  const secure = action.scheme === "HTTPS";
  const host = action.host ?? podAddress;
  const given = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  return (timeoutMs) =>
    new Promise((resolve) => {
      const request = (secure ? httpsRequest : httpRequest)({
        host,
        port,
        path: action.path ?? "/",
        headers: { "user-agent": "heddle-probe", connection: "close", ...given },
        agent: false,
        rejectUnauthorized: false,
        signal: AbortSignal.timeout(timeoutMs),
      });
      request.on("error", (error) => resolve(`GET ${host}:${port}${action.path ?? "/"}: ${error.message}`));
      request.on("response", (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        resolve(
          status >= 200 && status < 400
            ? undefined
            : `GET ${host}:${port}${action.path ?? "/"} answered ${status}`,
        );
      });
      request.end();
    });
}

/** Whether a port accepts connections. */
export function tcpCheck(
  action: { readonly port: number | string; readonly host?: string },
  container: Container,
  podAddress: string,
): Check {
  const port = portNumber(action.port, container);
  if (port === undefined) return unknownPort(action.port);
  const host = action.host ?? podAddress;
  return (timeoutMs) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
      socket.on("connect", () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.on("error", (error) => resolve(`connecting to ${host}:${port}: ${error.message}`));
    });
}

function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  return container.ports?.find((entry) => entry.name === port)?.containerPort;
}

function unknownPort(port: number | string): Check {
  return () => Promise.resolve(`the container has no port named ${port}`);
}
