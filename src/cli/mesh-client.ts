import { askControlPlane } from "./control-plane-client.ts";
import type { Target } from "./target.ts";

/** Asks the control plane of a mesh, wherever it is, such as for `/stat?namespace=shop`. */
export async function askMesh<Answer>(target: Target, path: string): Promise<Answer> {
  if (target.kind === "local") return askControlPlane(target.state, path);
  const { askReplica, connectCluster } = await import("./cluster.ts");
  return askReplica(await connectCluster(target.cluster), path);
}
