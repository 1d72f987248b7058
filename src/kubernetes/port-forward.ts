// A connection to a port of a pod, through the API server and the kubelet: WebSocket frames whose first byte is a channel.
import { Duplex } from "node:stream";
import { type ClientOptions, WebSocket } from "ws";
import type { ClusterAccess } from "./access.ts";
import { KubernetesError, pathOf } from "./client.ts";
import { noAnswer } from "./transport.ts";

const podResource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
/** Of the first and only port; the second byte pair of both channels repeats the port number. */
const dataChannel = 0;
const errorChannel = 1;
const portPrefixBytes = 2;

/** Connects. Ending the writable side closes the whole connection: the protocol has no half-closed state. */
export async function forwardPort(
  access: ClusterAccess,
  namespace: string,
  pod: string,
  port: number,
): Promise<Duplex> {
  const url = new URL(access.server);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/$/, "")}${pathOf(podResource, { namespace, name: pod })}/portforward`;
  url.search = `ports=${port}`;
  const { headers, ...credentials } = await access.credentials();
  const socket = new WebSocket(url, "v4.channel.k8s.io", {
    ...(credentials as ClientOptions),
    headers: headers as ClientOptions["headers"],
    handshakeTimeout: 30_000,
  });
  const stream = streamOver(socket, `port ${port} of pod ${namespace}/${pod}`);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", (error) => reject(noAnswer(access.server, error)));
    socket.once("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      const message = `cannot forward port ${port} of pod ${namespace}/${pod}: the API server answers ${status} ${response.statusMessage}`;
      response.resume();
      reject(new KubernetesError(status, response.statusMessage?.replaceAll(" ", "") ?? "", message));
    });
  });
  return stream;
}

function streamOver(socket: WebSocket, what: string): Duplex {
  const stream = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) =>
      socket.send(Buffer.concat([Buffer.of(dataChannel), chunk]), done),
    final: (done) => {
      socket.close();
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  const started = new Set<number>();
  // Until somebody reads: an error that comes with the first frames has nobody to hear it.
  socket.once("open", () => socket.pause());
  socket.on("message", (message: Buffer) => {
    const channel = message[0] ?? errorChannel;
    const data = message.subarray(1 + (started.has(channel) ? 0 : portPrefixBytes));
    started.add(channel);
    if (data.length === 0) return;
    if (channel === errorChannel)
      stream.destroy(new KubernetesError(0, "PortForward", `${what}: ${data.toString()}`));
    else if (!stream.push(data)) socket.pause();
  });
  socket.on("close", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error));
  return stream;
}
