// Runs inside a network namespace and hands sockets of that namespace to its parent over IPC, so that a test
// can dial and listen in several namespaces at once. Ends, and with it the namespace, when its parent goes.
import net from "node:net";

/** What the parent asks; each request is answered once, with the same `id`. */
export type AgentRequest =
  | { readonly id: number; readonly kind: "connect"; readonly host: string; readonly port: number }
  | { readonly id: number; readonly kind: "listen"; readonly host: string; readonly port: number };

/** The answer; on success the socket or the listening server comes with it as handle. */
export interface AgentAnswer {
  readonly id: number;
  readonly error?: string;
}

function answer(reply: AgentAnswer, handle?: net.Socket | net.Server): void {
  // A listening server would otherwise go on accepting here what is meant for the parent.
  process.send?.(reply, handle, {}, () => handle instanceof net.Server && handle.close());
}

process.on("message", (request: AgentRequest) => {
  const { id, host, port } = request;
  if (request.kind === "connect") {
    // Paused: what a server says first must be read by the parent, not lost here.
    const socket = new net.Socket({ allowHalfOpen: true }).pause();
    socket.once("error", (error) => answer({ id, error: error.message }));
    socket.connect(port, host, () => answer({ id }, socket));
    return;
  }
  const server = net.createServer();
  server.once("error", (error) => answer({ id, error: error.message }));
  server.listen(port, host, () => answer({ id }, server));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ id: 0 } satisfies AgentAnswer);
