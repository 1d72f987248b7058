// A whole mesh in memory: objects in, Envoy's resources and statuses out.
import { Graph } from "#collections/graph.ts";
import { checkObjects } from "#compile/checks/check.ts";
import { compileMesh } from "#compile/graph.ts";
import { statusesOf } from "#compile/status/status.ts";
import { createProvider } from "#envoy/provider.ts";
import type { IssuedCertificate } from "#identity/authority.ts";
import type { RejectedResource } from "#model/status.ts";
import { testObjects } from "./objects.ts";

export function meshGraph() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const { objects, put, remove } = testObjects(graph);
  const mesh = compileMesh(graph, objects);
  const trustBundle = graph.source<string>("trust bundle");
  const certificates = graph.source<IssuedCertificate>("certificates");
  const provider = createProvider(graph, { mesh, trustDomain: "cluster.local", trustBundle, certificates });
  const statuses = statusesOf(graph, {
    objects,
    mesh,
    problems: checkObjects(graph, objects),
    rejections: graph.source<RejectedResource>("rejections"),
    gatewayAddresses: [],
    now: () => new Date(0),
  });
  return { graph, mesh, provider, statuses, put, remove };
}
