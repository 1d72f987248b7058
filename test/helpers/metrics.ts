import { request } from "node:http";
import type { Mesh } from "./mesh.ts";

/** The metrics of a mesh's control plane, as Prometheus reads them. */
export function metricsOf({ state }: Pick<Mesh, "state">): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: state.controlPlaneSocket, path: "/metrics" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}
