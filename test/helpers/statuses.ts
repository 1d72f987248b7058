// A cluster in memory whose objects have statuses.
import * as yaml from "js-yaml";
import { Graph } from "#collections/graph.ts";
import { checkObjects } from "#compile/checks/check.ts";
import { compileMesh } from "#compile/graph.ts";
import { statusesOf } from "#compile/status/status.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName } from "#model/reference.ts";
import type { Condition, RejectedResource } from "#model/status.ts";
import { testObjects } from "./objects.ts";

/** What this controller calls itself. */
export const ours = "heddle.dev/gateway-controller";

/** Objects with statuses that are written back as a writer would. */
export function cluster() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const cells = testObjects(graph);
  const rejections = graph.source<RejectedResource>("rejections");
  let minute = 0;
  const statuses = statusesOf(graph, {
    objects: cells.objects,
    mesh: compileMesh(graph, cells.objects),
    problems: checkObjects(graph, cells.objects),
    rejections,
    gatewayAddresses: [],
    now: () => new Date(Date.UTC(2026, 0, 1, 0, minute)),
  });
  const objects = new Map<string, KubernetesObject & { status?: unknown }>();
  const idOf = (object: Pick<KubernetesObject, "apiVersion" | "kind" | "metadata">) => {
    const { namespace = "default", name } = object.metadata;
    return object.kind === "GatewayClass"
      ? `GatewayClass ${name}`
      : `${kindName(object)} ${namespace}/${name}`;
  };
  return {
    rejections,
    setMinute: (to: number) => {
      minute = to;
    },
    put: (text: string) => {
      for (const object of yaml.loadAll(text) as KubernetesObject[]) {
        objects.set(idOf(object), object);
        cells.put(JSON.stringify(object));
      }
    },
    /** What was written, until nothing is left to write. */
    write: (): number => {
      graph.settle();
      const items = statuses.flatMap((collection) => [...collection.entries()].map(([, item]) => item));
      for (const { object, status } of items) {
        const id = idOf(object);
        const written = { ...objects.get(id), ...object, status } as KubernetesObject;
        const whole = { ...written, metadata: { ...objects.get(id)?.metadata, ...object.metadata } };
        objects.set(id, whole);
        cells.put(JSON.stringify(whole));
      }
      return items.length;
    },
    status: (id: string) => objects.get(id)?.status as never,
  };
}

/** Conditions as `{Type: "Status Reason"}`. */
export const words = (conditions: readonly Condition[] | undefined) =>
  Object.fromEntries((conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

/** A Service as YAML. */
export const service = (name: string, port = 80) => `
apiVersion: v1
kind: Service
metadata: {namespace: default, name: ${name}}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: ${port}}]}`;

/** An HTTPRoute as YAML. */
export const route = (name: string, spec: string, more = "") => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: default, name: ${name}, generation: 3}
spec: ${spec}
${more}`;
