// HTTP connection managers: what all three kinds share.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { duration, extension } from "../messages.ts";

/**
 * A connection manager that leaves the application's traffic as it is: any HTTP version, upgrades, streams as long as
 * they like, and the server's own `server` header.
 */
export function connectionManager(
  init: Omit<MessageInitShape<typeof HttpConnectionManagerSchema>, "$typeName" | "$unknown">,
) {
  return extension("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, {
    codecType: HttpConnectionManager_CodecType.AUTO,
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
    streamIdleTimeout: duration(0),
    upgradeConfigs: [{ upgradeType: "websocket" }],
    // A request of HTTP/1.0 may be without a Host; Envoy refuses it unless it is given one.
    httpProtocolOptions: { acceptHttp10: true, defaultHostForHttp10: "localhost", enableTrailers: true },
    // The server decides whether a body may come.
    proxy100Continue: true,
    http2ProtocolOptions: { allowConnect: true },
    // Otherwise a request waits half a second after an early answer before its connection closes.
    delayedCloseTimeout: duration(1_000),
    ...init,
  });
}
