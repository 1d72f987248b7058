// A gRPC server over TLS 1.3 whose certificate can be replaced while it runs. Services are added by those who have them.
import { createServer, type TLSSocket } from "node:tls";
import { Server as GrpcLibraryServer, type Server, ServerCredentials } from "@grpc/grpc-js";
import { type ServerCertificate, secureContext } from "./secure-context.ts";

export interface GrpcServer {
  /** Where services are added, before `listen`. */
  readonly services: Server;
  /** Starts to accept connections; port 0 takes a free one. Rejects if the address cannot be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Used for connections made from now on. */
  replaceCertificate(certificate: ServerCertificate): void;
  /** Tells all peers to make their next calls elsewhere; calls under way go on. */
  drain(): void;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/** By then `close` has long been called. */
const longestDrainMs = 60_000;

export function createGrpcServer(options: { readonly certificate: ServerCertificate }): GrpcServer {
  const services = new GrpcLibraryServer({
    // A peer that has vanished without a word is noticed.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.enable_channelz": 0,
  });
  // The library cannot be told a minimum TLS version, so TLS is ended here, and it gets plain connections.
  const connections = services.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<TLSSocket>();
  const listener = createServer(
    { ...secureContext(options.certificate), ALPNProtocols: ["h2"] },
    (socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
      socket.setNoDelay(true);
      connections.injectConnection(socket);
    },
  );
  return {
    services,
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        listener.once("error", reject);
        listener.listen({ host, port }, () => {
          listener.off("error", reject);
          const address = listener.address();
          if (address === null || typeof address === "string") reject(new Error("no TCP address"));
          else resolve({ port: address.port });
        });
      }),
    replaceCertificate: (certificate) => listener.setSecureContext(secureContext(certificate)),
    drain: () => connections.drain(longestDrainMs),
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        services.forceShutdown();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
