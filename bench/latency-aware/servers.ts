// HTTP servers in a process of their own, each with the behaviour that it was told.
import { fork } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server does with a request: answers 200 after a while, or 503 at once. */
export interface Behaviour {
  readonly delayMs: number;
  readonly status: number;
}

export interface Servers {
  readonly ports: readonly number[];
  set(index: number, behaviour: Behaviour): void;
  /** How many requests each has got since the last call. */
  counts(): Promise<readonly number[]>;
  close(): void;
}

type Command =
  | { readonly kind: "set"; readonly index: number; readonly behaviour: Behaviour }
  | { readonly kind: "count" };

/** Starts servers with these behaviours. */
export async function startServers(behaviours: readonly Behaviour[]): Promise<Servers> {
  const child = fork(import.meta.filename, [JSON.stringify(behaviours)]);
  const next = <T>(): Promise<T> =>
    new Promise((resolve) => child.once("message", (value) => resolve(value as T)));
  const ports = await next<readonly number[]>();
  return {
    ports,
    set: (index, behaviour) => child.send({ kind: "set", index, behaviour } satisfies Command),
    counts: () => {
      const answer = next<readonly number[]>();
      child.send({ kind: "count" } satisfies Command);
      return answer;
    },
    close: () => child.disconnect(),
  };
}

async function serve(behaviours: Behaviour[]): Promise<void> {
  let counts = behaviours.map(() => 0);
  const servers = behaviours.map((_, index) =>
    createServer({ keepAliveTimeout: 0 }, (request, response) => {
      counts[index] = (counts[index] ?? 0) + 1;
      request.resume();
      const { delayMs = 0, status = 200 } = behaviours[index] ?? {};
      const answer = (): void => void response.writeHead(status).end("x".repeat(1024));
      if (delayMs === 0) answer();
      else setTimeout(answer, delayMs);
    }),
  );
  await Promise.all(servers.map(listen));
  process.on("message", (command: Command) => {
    if (command.kind === "set") behaviours[command.index] = command.behaviour;
    else {
      process.send?.(counts);
      counts = behaviours.map(() => 0);
    }
  });
  process.on("disconnect", () => process.exit());
  process.send?.(servers.map((server) => (server.address() as AddressInfo).port));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

if (process.send !== undefined && process.argv[1] === import.meta.filename)
  await serve(JSON.parse(process.argv[2] ?? "[]") as Behaviour[]);
