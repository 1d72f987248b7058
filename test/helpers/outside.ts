// The world outside of a local mesh: further network namespaces behind its node, and a real DNS server among them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { namespaceFile, nodeNamespace } from "#local/network/node-namespace.ts";
import { createAuthority } from "./certificates.ts";
import type { Mesh } from "./mesh.ts";
import { createNamespace, type Namespace } from "./namespace.ts";

/** Where the DNS server listens: `startMesh(files, "--resolver", outsideResolver)`. */
export const outsideResolver = "198.51.100.53";

/** Networks outside: one that is in no private range, and one that is. The node is the router of both. */
const routers = ["198.51.100.1/24", "10.77.0.1/24"];

/** Names to their IPv4 addresses; `*.example.com` for all below that have none of their own. */
export type Zone = Readonly<Record<string, readonly string[]>>;

export interface Outside {
  /** Makes a host with addresses of 198.51.100.0/24 or 10.77.0.0/24. */
  host(...addresses: readonly string[]): Promise<OutsideHost>;
  /** What the DNS server answers from now on; it is asked under `outsideResolver`. */
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
  /** Speaks first, `hello from SERVER`, then sends back what comes. */
  tcp(port: number, server: string): Promise<void>;
  /**
   * A proxy that is asked by CONNECT, or by POST whose bodies are the connection, in HTTP/1.1 or 2. It answers in the
   * place of the host that it is asked for: `METHOD HOST:PORT by HTTP/VERSION`, then sends back what comes; in TLS for
   * one of the names where the port is 443.
   */
  proxy(port: number, version: 1 | 2, names: readonly string[]): Promise<void>;
}

/** Opens it beside a mesh that runs. */
export async function openOutside(mesh: Mesh): Promise<Outside> {
  const node = `--net=${namespaceFile(nodeNamespace(mesh.state.id))}`;
  const stack = new AsyncDisposableStack();
  await run("nsenter", node, "ip", "link", "add", "out0", "type", "bridge");
  for (const router of routers) await run("nsenter", node, "ip", "address", "add", router, "dev", "out0");
  await run("nsenter", node, "ip", "link", "set", "out0", "up");
  let count = 0;
  const machine = async (addresses: readonly string[]): Promise<Namespace> => {
    const namespace = stack.adopt(await createNamespace(), (made) => made.close());
    const port = `out${++count}`;
    const pid = /\d+/.exec(namespace.path)?.[0] ?? "";
    await run(
      "nsenter",
      node,
      "ip",
      "link",
      "add",
      port,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      pid,
    );
    await run("nsenter", node, "ip", "link", "set", port, "master", "out0", "up");
    for (const address of addresses) namespace.run("ip", ["address", "add", `${address}/24`, "dev", "eth0"]);
    namespace.run("ip", ["link", "set", "eth0", "up"]);
    const router = addresses[0]?.startsWith("10.77.") ? "10.77.0.1" : "198.51.100.1";
    namespace.run("ip", ["route", "add", "default", "via", router]);
    return namespace;
  };
  const dns = await startDns(await machine([outsideResolver]));
  stack.defer(() => void dns.kill());
  return {
    host: async (...addresses) => hostOf(await machine(addresses), stack),
    names: (zone) => void dns.send(zone),
    close: () => stack.disposeAsync(),
  };
}

async function startDns(namespace: Namespace): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "outside-dns.ts");
  const child = spawn("nsenter", [`--net=${namespace.path}`, process.execPath, program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  return child;
}

function hostOf(namespace: Namespace, stack: AsyncDisposableStack): OutsideHost {
  const serve = async (server: net.Server, port: number): Promise<void> => {
    server.on("connection", (socket) => socket.on("error", () => {}));
    stack.adopt(server.listen(await namespace.listen(port)), (open) => void open.close());
  };
  const credentials = async (names: readonly string[]) => {
    const authority = await createAuthority();
    const { chain, key } = await authority.issue({ dns: names });
    return { root: authority.root, cert: chain, key };
  };
  return {
    namespace,
    http: (port, server) => serve(http.createServer(answering(server)), port),
    https: async (port, server, names) => {
      const { root, cert, key } = await credentials(names);
      const secure = tls.createServer({ cert, key });
      const inner = http.createServer(answering(server));
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
    tcp: (port, server) =>
      serve(
        net.createServer((socket) => {
          socket.write(`hello from ${server}\r\n`);
          socket.pipe(socket);
        }),
        port,
      ),
  };
}

function answer(stream: Duplex, greeting: string): void {
  stream.on("error", () => {});
  stream.write(`${greeting}\r\n`);
  stream.pipe(stream);
}

type OpenTunnel = (stream: Duplex, method: string | undefined, host: string | undefined) => void;

function http1Proxy(open: OpenTunnel): http.Server {
  const server = http.createServer((request, response) => {
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

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}
