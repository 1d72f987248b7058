// How commands ask the control plane of a mesh on this machine.
import { askSocket, NotRunningError } from "#local/socket-client.ts";
import { stateDirectory } from "#local/state-directory.ts";

/** Nobody answers: no mesh runs in that state directory, or its control plane is just being restarted. */
export class ControlPlaneAway extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "ControlPlaneAway";
  }
}

const timeoutMs = 10_000;

/** Asks `path`, such as `/stat?namespace=shop`. Throws {@link ControlPlaneAway} if nobody answers. */
export async function askControlPlane<Answer>(state: string, path: string): Promise<Answer> {
  const { root, controlPlaneSocket, supervisorSocket } = stateDirectory(state);
  try {
    return await askSocket<Answer>(controlPlaneSocket, path, { timeoutMs });
  } catch (error) {
    if (error instanceof NotRunningError)
      throw new ControlPlaneAway(
        (await isServed(supervisorSocket))
          ? `the control plane in ${root} is starting; try again in a moment (traffic goes on)`
          : `no mesh runs in ${root}; start one with heddle up, or name its --state`,
        error,
      );
    if (error instanceof Error && "code" in error && error.code === "EACCES") {
      throw new Error(`the mesh in ${root} belongs to root; run it again with sudo`, { cause: error });
    }
    throw error;
  }
}

async function isServed(supervisorSocket: string): Promise<boolean> {
  return askSocket(supervisorSocket, "/mesh", { timeoutMs }).then(
    () => true,
    () => false,
  );
}
