// How commands ask the control plane of a mesh on this machine.
import { askSocket, NotRunningError } from "#local/socket-client.ts";
import { stateDirectory } from "#local/state-directory.ts";

/** Nobody answers: no mesh runs in that state directory, or its control plane is just being restarted. */
export class ControlPlaneAway extends Error {
  constructor(root: string, cause: unknown) {
    super(`no control plane runs in ${root}; start a mesh with heddle up, or name its --state`, { cause });
    this.name = "ControlPlaneAway";
  }
}

const timeoutMs = 10_000;

/** Asks `path`, such as `/stat?namespace=shop`. Throws {@link ControlPlaneAway} if nobody answers. */
export async function askControlPlane<Answer>(state: string, path: string): Promise<Answer> {
  const { root, controlPlaneSocket } = stateDirectory(state);
  try {
    return await askSocket<Answer>(controlPlaneSocket, path, { timeoutMs });
  } catch (error) {
    if (error instanceof NotRunningError) throw new ControlPlaneAway(root, error);
    if (error instanceof Error && "code" in error && error.code === "EACCES") {
      throw new Error(`the mesh in ${root} belongs to root; run it again with sudo`, { cause: error });
    }
    throw error;
  }
}
