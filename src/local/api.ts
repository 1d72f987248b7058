import { chmodSync, rmSync } from "node:fs";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { ObjectReference, Problem } from "#model/reference.ts";
import { joinCommand } from "./containers/join.ts";
import type { Role } from "./containers/restart-policy.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { HostPort } from "./gateways/host-ports.ts";
import { nodeNamespace } from "./network/node-namespace.ts";
import { logFile } from "./pods/pod.ts";
import { statusWord } from "./pods/pod-status.ts";
import { askSocket } from "./socket-client.ts";
import type { StateDirectory } from "./state-directory.ts";
import type { Fleet, FleetPod } from "./workloads/fleet.ts";
import type { Progress } from "./workloads/progress.ts";

/** A pod as `heddle ps` tells it. */
export interface PodSummary {
  readonly name: string;
  readonly namespace: string;
  /** `Deployment bookstore/web`. */
  readonly workload: string;
  readonly ready: boolean;
  /** Ready containers of all that stay, such as `2/2`. */
  readonly readyContainers: string;
  readonly status: string;
  readonly restarts: number;
  readonly ip: string;
  /** The network namespace, as `ip netns` names it. */
  readonly networkNamespace: string;
  readonly createdAt: string;
  readonly containers: readonly ContainerSummary[];
}

export interface ContainerSummary {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** On the host; absent while it does not run. */
  readonly pid?: number;
  readonly state: "waiting" | "running" | "terminated";
  readonly message?: string;
  readonly role: Role;
  readonly log: string;
}

/** The state of a mesh as a whole. */
export interface MeshSummary {
  readonly state: string;
  readonly supervisor: { readonly pid: number };
  readonly controlPlane: { readonly pid?: number; readonly restarts: number };
  readonly networkNamespace: string;
  readonly workloads: readonly Progress[];
  /** The ports of the machine that lead to gateways. */
  readonly gateways: readonly { readonly gateway: ObjectReference; readonly port: number }[];
}

interface Served {
  readonly fleet: Fleet;
  readonly problems: () => readonly Problem[];
  readonly progress: () => readonly Progress[];
  readonly hostPorts: () => readonly HostPort[];
  readonly controlPlane: ControlPlane;
  stop(): void;
}

const CONTROL_PLANE_TIMEOUT_MS = 1_000;

/** Serves the supervisor's HTTP API on its Unix socket, for the CLI. */
export async function serveApi(state: StateDirectory, served: Served): Promise<{ close(): void }> {
  const { fleet } = served;
  const app = new Hono();
  app.get("/pods", (context) => context.json(fleet.pods().map((pod) => podSummary(state, pod))));
  app.get("/problems", async (context) => {
    const others = await askSocket<readonly Problem[]>(state.controlPlaneSocket, "/problems", {
      timeoutMs: CONTROL_PLANE_TIMEOUT_MS,
    }).catch(() => []); // Without its control plane the mesh still has problems of its own to tell.
    return context.json(distinct([...served.problems(), ...others]));
  });
  app.get("/mesh", (context) => context.json(meshSummary(state, served)));
  app.post("/stop", (context) => {
    setImmediate(() => served.stop());
    return context.json({});
  });
  app.post("/join", async (context) => {
    const request = await context.req.json<JoinRequest>();
    const joined = fleet.find(request.namespace, request.pod)?.running.join(request.container);
    if (joined === undefined) return context.json({ error: "the container does not run" }, 409);
    return context.json(joinCommand(joined.pid, joined.settings, request.command));
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  rmSync(state.supervisorSocket, { force: true });
  await new Promise<void>((resolve) => server.listen(state.supervisorSocket, resolve));
  chmodSync(state.supervisorSocket, 0o600);
  return { close: () => server.close() };
}

interface JoinRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

function meshSummary(state: StateDirectory, served: Served): MeshSummary {
  const pid = served.controlPlane.pid();
  return {
    state: state.root,
    supervisor: { pid: process.pid },
    controlPlane: { ...(pid === undefined ? {} : { pid }), restarts: served.controlPlane.restarts() },
    networkNamespace: nodeNamespace(state.id),
    workloads: served.progress(),
    gateways: served.hostPorts().map(({ gateway, port }) => ({ gateway, port })),
  };
}

function podSummary(state: StateDirectory, { workload, running }: FleetPod): PodSummary {
  const object = running.object();
  const containers = running.containers();
  const staying = containers.filter(({ role }) => role !== "init");
  const ready = staying.filter((container) => container.ready);
  return {
    name: object.metadata.name,
    namespace: workload.namespace,
    workload: workload.key,
    ready: ready.length === staying.length,
    readyContainers: `${ready.length}/${staying.length}`,
    status: statusWord(containers, object.metadata.deletionTimestamp !== undefined),
    restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    ip: running.network.address,
    networkNamespace: running.network.namespace,
    createdAt: object.metadata.creationTimestamp ?? "",
    containers: containers.map(({ name, ready: isReady, restarts, state: now, role }) => ({
      name,
      ready: isReady,
      restarts,
      ...(now.kind === "running" ? { pid: now.pid } : {}),
      state: now.kind,
      ...(now.kind === "waiting" && now.message !== undefined ? { message: now.message } : {}),
      role,
      log: logFile(state, object, name),
    })),
  };
}

/** The supervisor and the control plane read the same files, and both tell what is wrong with them. */
function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problemKey(problem), problem])).values()];
}

function problemKey({ message, object, file, line, field }: Problem): string {
  return JSON.stringify([message, file ?? object, line ?? field]);
}
