// The world outside of a local mesh: network namespaces that stand for the machine it runs on, with a real DNS server,
// and for hosts beyond that.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { createAuthority } from "./certificates.ts";
import { type Files, type Mesh, prepareMeshOn, started } from "./mesh.ts";
import { createNamespace, type Namespace } from "./namespace.ts";

/** Where the machine's DNS server listens, as systemd-resolved does: no other machine, and no pod, reaches it. */
const resolver = "127.0.0.53";

/** Networks beyond the machine, which is the router of both: one that is in no private range, and one that is. */
const routers = ["198.51.100.1/24", "10.77.0.1/24"];

/** Names to their IPv4 addresses; `*.example.com` for all below that have none of their own. */
export type Zone = Readonly<Record<string, readonly string[]>>;

export interface Outside {
  readonly machine: OutsideHost;
  /** Starts a mesh on that machine. */
  startMesh(files: Files, ...further: readonly string[]): Promise<Mesh>;
  /** Makes a host with addresses of 198.51.100.0/24 or 10.77.0.0/24. */
  host(...addresses: readonly string[]): Promise<OutsideHost>;
  /** What the machine's DNS server answers from now on. */
  names(zone: Zone): void;
  close(): Promise<void>;
}

/** A machine of the outside, with servers in this process. */
export interface OutsideHost {
  readonly namespace: Namespace;
  /** Answers requests with what arrived, as JSON: `{server, method, path, headers}`. */
  http(port: number, server: string): Promise<void>;
  /** TLS by the name that is asked for; answers each line with `SERVER SNI LINE`. */
  tls(port: number, server: string, names: readonly string[]): Promise<void>;
  /** As `http`, in TLS. Returns the root of its certificate, PEM. */
  https(port: number, server: string, names: readonly string[]): Promise<string>;
  /** Speaks first, `hello from SERVER`, then sends back what comes; by default on all of the host's addresses. */
  tcp(port: number, server: string, address?: string): Promise<void>;
  /**
   * A proxy that is asked by CONNECT, or by POST whose bodies are the connection, in HTTP/1.1 or 2. It answers in the
   * place of the host that it is asked for: `METHOD HOST:PORT by HTTP/VERSION`, then sends back what comes; in TLS for
   * one of the names where the port is 443.
   */
  proxy(port: number, version: 1 | 2, names: readonly string[]): Promise<void>;
}

/** Makes a machine with nobody beyond it yet, for one mesh. */
export async function openOutside(): Promise<Outside> {
  const stack = new AsyncDisposableStack();
  const machine = stack.adopt(await createNamespace(), (made) => made.close());
  const ip = (...args: readonly string[]): string => machine.run("ip", args);
  ip("link", "add", "out0", "type", "bridge");
  for (const router of routers) ip("address", "add", router, "dev", "out0");
  ip("link", "set", "out0", "up");
  let count = 0;
  const host = async (...addresses: readonly string[]): Promise<OutsideHost> => {
    const namespace = stack.adopt(await createNamespace(), (made) => made.close());
    const port = `out${++count}`;
    const pid = /\d+/.exec(namespace.path)?.[0] ?? "";
    ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid);
    ip("link", "set", port, "master", "out0", "up");
    for (const address of addresses) namespace.run("ip", ["address", "add", `${address}/24`, "dev", "eth0"]);
    namespace.run("ip", ["link", "set", "eth0", "up"]);
    return hostOf(namespace, stack);
  };
  const dns = await startDns(machine);
  stack.defer(() => void dns.kill());
  return {
    machine: hostOf(machine, stack),
    startMesh: async (files, ...further) => {
      const mesh = prepareMeshOn(machine, files, "--resolver", resolver, ...further);
      stack.defer(() => mesh.close());
      return started(mesh);
    },
    host,
    names: (zone) => void dns.send(zone),
    close: () => stack.disposeAsync(),
  };
}

async function startDns(machine: Namespace): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "outside-dns.ts");
  const child = spawn("nsenter", [`--net=${machine.path}`, process.execPath, program, resolver], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  return child;
}

function hostOf(namespace: Namespace, stack: AsyncDisposableStack): OutsideHost {
  const serve = async (server: net.Server, port: number, address?: string): Promise<void> => {
    server.on("connection", (socket) => socket.on("error", () => {}));
    stack.adopt(server.listen(await namespace.listen(port, address)), (open) => void open.close());
  };
  const credentials = async (names: readonly string[]) => {
    const authority = await createAuthority();
    const { chain, key } = await authority.issue({ dns: names });
    return { root: authority.root, cert: chain, key };
  };
  return {
    namespace,
    http: (port, server) => serve(httpServer(answering(server)), port),
    https: async (port, server, names) => {
      const { root, cert, key } = await credentials(names);
      const secure = tls.createServer({ cert, key });
      const inner = httpServer(answering(server));
      secure.on("secureConnection", (socket) => inner.emit("connection", socket));
      secure.on("tlsClientError", () => {});
      await serve(secure, port);
      return root;
    },
    tls: async (port, server, names) => {
      const { cert, key } = await credentials(names);
      const secure = tls.createServer({ cert, key }, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (line) => socket.write(`${server} ${socket.servername || "-"} ${String(line)}`));
      });
      secure.on("tlsClientError", () => {});
      await serve(secure, port);
    },
    proxy: async (port, version, names) => {
      const { cert, key } = await credentials(names);
      const inner = tls.createServer({ cert, key }, (socket) => answer(socket, socket.servername || "-"));
      inner.on("tlsClientError", () => {});
      const open = (stream: Duplex, method = "", host = "") => {
        stream.on("error", () => {});
        if (host.endsWith(":443")) inner.emit("connection", stream);
        else answer(stream, `${method} ${host} by HTTP/${version}`);
      };
      await serve(version === 1 ? http1Proxy(open) : http2Proxy(open), port);
    },
    tcp: (port, server, address) =>
      serve(
        net.createServer((socket) => {
          socket.write(`hello from ${server}\r\n`);
          socket.pipe(socket);
        }),
        port,
        address,
      ),
  };
}

function answer(stream: Duplex, greeting: string): void {
  stream.on("error", () => {});
  stream.write(`${greeting}\r\n`);
  stream.pipe(stream);
}

/** It closes no connection that a proxy is about to use again. */
function httpServer(listener: http.RequestListener): http.Server {
  return http.createServer({ keepAliveTimeout: 0 }, listener);
}

type OpenTunnel = (stream: Duplex, method: string | undefined, host: string | undefined) => void;

function http1Proxy(open: OpenTunnel): http.Server {
  const server = httpServer((request, response) => {
    response.flushHeaders();
    open(Duplex.from({ readable: request, writable: response }), request.method, request.headers.host);
  });
  return server.on("connect", ({ url, method }, socket: Duplex) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    open(socket, method, url);
  });
}

function http2Proxy(open: OpenTunnel): http2.Http2Server {
  return http2.createServer().on("stream", (stream, headers) => {
    stream.respond({ ":status": 200 });
    open(stream, headers[":method"], headers[":authority"]);
  });
}

function answering(server: string): http.RequestListener {
  return ({ method, url, headers }, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ server, method, path: url, headers }));
  };
}
