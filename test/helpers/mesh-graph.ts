// A whole mesh in memory: objects in, Envoy's resources out.
import { Graph } from "#collections/graph.ts";
import { compileMesh } from "#compile/graph.ts";
import { createProvider } from "#envoy/provider.ts";
import type { IssuedCertificate } from "#identity/authority.ts";
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
  return { graph, mesh, provider, put, remove };
}
