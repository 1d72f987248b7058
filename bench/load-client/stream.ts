// One gRPC stream on a connection of its own, on bare HTTP/2: a thousand of them must cost their process little.
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import type { Target } from "./messages.ts";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** A flag (compressed or not) and the length of the message. */
const frameHeader = 5;
/** As Envoy's default: what the server may send ahead of what was read (bytes). */
const windowSize = 16 * 1024 * 1024;

export interface StreamHooks {
  received(message: Uint8Array): void;
  /** The stream has ended, and not because it was closed here. */
  ended(reason: string): void;
}

export interface Stream {
  send(message: Uint8Array): void;
  pause(): void;
  resume(): void;
  close(): void;
}

/** A connection on which streams are opened one after the other. */
export interface Connection {
  open(token: string, hooks: StreamHooks): Stream;
  close(): void;
}

export function connectTo(target: Target): Promise<Connection> {
  const { address, rootPem, serverName } = target;
  const session = connect(rootPem === undefined ? `http://${address}` : `https://${address}`, {
    settings: { initialWindowSize: windowSize, enablePush: false },
    ...(rootPem === undefined ? {} : { ca: rootPem, servername: serverName, ALPNProtocols: ["h2"] }),
  });
  return new Promise((resolve, reject) => {
    session.once("error", reject);
    session.once("connect", () => {
      session.off("error", reject);
      session.on("error", () => session.destroy());
      session.setLocalWindowSize(windowSize);
      resolve({
        open: (token, hooks) => {
          const request = session.request({
            [constants.HTTP2_HEADER_METHOD]: "POST",
            [constants.HTTP2_HEADER_PATH]: path,
            [constants.HTTP2_HEADER_AUTHORITY]: serverName,
            "content-type": "application/grpc",
            te: "trailers",
            authorization: `Bearer ${token}`,
          });
          return openStream(request, hooks);
        },
        close: () => session.destroy(),
      });
    });
  });
}

function openStream(request: ReturnType<ReturnType<typeof connect>["request"]>, hooks: StreamHooks): Stream {
  let rest: Buffer = Buffer.alloc(0);
  let isClosed = false;
  let reason = "no word";
  request.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= frameHeader) {
      const end = frameHeader + rest.readUInt32BE(1);
      if (rest.length < end) break;
      hooks.received(rest.subarray(frameHeader, end));
      rest = rest.subarray(end);
    }
  });
  const note = (headers: IncomingHttpHeaders): void => {
    const { "grpc-status": status, "grpc-message": message } = headers;
    if (typeof status === "string") reason = `status ${status} ${typeof message === "string" ? message : ""}`;
  };
  request.on("response", note);
  request.on("trailers", note);
  request.on("error", (error: Error) => (reason = error.message));
  request.on("close", () => {
    if (!isClosed) hooks.ended(reason);
  });
  return {
    send: (message) => {
      const frame = Buffer.allocUnsafe(frameHeader + message.length);
      frame[0] = 0;
      frame.writeUInt32BE(message.length, 1);
      frame.set(message, frameHeader);
      request.write(frame);
    },
    pause: () => request.pause(),
    resume: () => request.resume(),
    close: () => {
      isClosed = true;
      request.close(constants.NGHTTP2_CANCEL);
    },
  };
}
