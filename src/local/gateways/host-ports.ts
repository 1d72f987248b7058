import { type ChildProcess, spawn } from "node:child_process";
import { connect, type Server, type Socket } from "node:net";
import type { ObjectReference, Problem } from "#model/reference.ts";
import { programFile } from "#runtime/program.ts";

/** A port of 127.0.0.1 of the host that leads to a gateway. */
export interface HostPort {
  readonly port: number;
  readonly gateway: ObjectReference;
  /** The field of the gateway that asks for it. */
  readonly field: string;
  /** Where the gateway's ready pods listen. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
}

export interface HostPorts {
  /** The ports as they are to be from now on. The first of two that want the same one for different pods has it. */
  update(ports: readonly HostPort[]): void;
  /** Those that are open, or are being opened. */
  readonly ports: () => readonly HostPort[];
  readonly problems: () => readonly Problem[];
  close(): void;
}

/** A port in use may become free. */
const RETRY_MS = 3_000;

interface Listener {
  wanted: HostPort;
  server: Server | undefined;
  error: string | undefined;
  next: number;
}

/**
 * Makes gateways reachable from the host. `hostNetwork` is a descriptor of the host's network namespace; sockets are
 * made there by a child and served here, in the node namespace, so that nothing of the host's network is touched.
 */
export function startHostPorts(hostNetwork: number, onChange: () => void): HostPorts {
  const listeners = new Map<number, Listener>();
  const duplicates: Problem[] = [];
  const closed = new AbortController();

  function open(listener: Listener): void {
    void listenOnHost(hostNetwork, listener.wanted.port).then((result) => {
      const gone = closed.signal.aborted || listeners.get(listener.wanted.port) !== listener;
      if (typeof result !== "string") {
        if (gone) result.close();
        else {
          result.on("connection", (socket) => relay(socket, listener));
          listener.server = result;
          listener.error = undefined;
        }
      } else if (!gone) {
        listener.error = result;
        setTimeout(
          () => listeners.get(listener.wanted.port) === listener && open(listener),
          RETRY_MS,
        ).unref();
      }
      onChange();
    });
  }

  return {
    ports: () =>
      [...listeners.values()].filter(({ error }) => error === undefined).map(({ wanted }) => wanted),
    problems: () => [...duplicates, ...[...listeners.values()].flatMap(problemOf)],
    update(ports) {
      duplicates.length = 0;
      const wanted = new Map<number, HostPort>();
      for (const port of ports) {
        const first = wanted.get(port.port);
        if (first === undefined) wanted.set(port.port, port);
        else if (!leadsToTheSame(port, first)) duplicates.push(usedTwice(port, first));
      }
      for (const [port, listener] of listeners) {
        if (wanted.has(port)) continue;
        listener.server?.close();
        listeners.delete(port);
      }
      for (const [number, port] of wanted) {
        const listener = listeners.get(number);
        if (listener !== undefined) listener.wanted = port;
        else {
          const fresh: Listener = { wanted: port, server: undefined, error: undefined, next: 0 };
          listeners.set(number, fresh);
          open(fresh);
        }
      }
    },
    close() {
      closed.abort();
      for (const { server } of listeners.values()) server?.close();
    },
  };
}

function listenOnHost(hostNetwork: number, port: number): Promise<Server | string> {
  return new Promise((resolve) => {
    const program = programFile("local/gateways/listen-on-host");
    const child: ChildProcess = spawn(
      "nsenter",
      [
        "--net=/proc/self/fd/3",
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        program,
        String(port),
      ],
      { stdio: ["ignore", "inherit", "inherit", hostNetwork, "ipc"] },
    );
    child.on("message", (message: { readonly error?: string }, server) => {
      resolve(message.error ?? (server as Server));
    });
    child.on("error", (error) => resolve(error.message));
    // Its end may be known before its last message, and a socket that nobody takes would accept clients for ever.
    child.on("close", () => resolve("the listening process ended"));
  });
}

function relay(socket: Socket, listener: Listener): void {
  const { endpoints } = listener.wanted;
  const endpoint = endpoints[listener.next++ % Math.max(endpoints.length, 1)];
  socket.on("error", () => socket.destroy());
  if (endpoint === undefined) return void socket.resetAndDestroy();
  const { address: host, port } = endpoint;
  const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
  socket.setNoDelay(true);
  upstream.on("error", () => socket.resetAndDestroy());
  socket.on("close", () => upstream.destroy());
  upstream.on("close", () => socket.destroy());
  socket.pipe(upstream);
  upstream.pipe(socket);
}

function problemOf({ wanted, error }: Listener): Problem[] {
  if (error === undefined) return [];
  const why =
    error === "EADDRINUSE"
      ? `port ${wanted.port} of this machine is in use by another program; stop it or change the port (in the mesh the gateway works)`
      : `cannot listen on port ${wanted.port} of this machine: ${error}`;
  return [{ severity: "error", message: why, object: wanted.gateway, field: wanted.field }];
}

/** Several of Istio's Gateways may be for the same pods. */
function leadsToTheSame(one: HostPort, other: HostPort): boolean {
  return JSON.stringify(one.endpoints) === JSON.stringify(other.endpoints);
}

function usedTwice(port: HostPort, first: HostPort): Problem {
  return {
    severity: "error",
    message: `port ${port.port} of this machine leads to ${first.gateway.kind} ${first.gateway.namespace}/${first.gateway.name} already; change one of the two`,
    object: port.gateway,
    field: port.field,
  };
}
