// How commands ask the control plane of a mesh on this machine.
import { request } from "node:http";
import { stateDirectory } from "#local/state-directory.ts";

/** Nobody answers: no mesh runs in that state directory, or its control plane is just being restarted. */
export class ControlPlaneAway extends Error {}

/** Asks `path`, such as `/stat?namespace=shop`, and reads JSON. Throws {@link ControlPlaneAway} if nobody answers. */
export async function askControlPlane<Answer>(
  state: string,
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Answer> {
  const { status, body } = await get(state, path, options.signal);
  if (status !== 200) throw new Error(`the control plane answered ${path} with ${status}: ${body.trim()}`);
  return JSON.parse(body) as Answer;
}

interface Response {
  readonly status: number;
  readonly body: string;
}

function get(state: string, path: string, signal: AbortSignal | undefined): Promise<Response> {
  const socketPath = stateDirectory(state).controlPlaneSocket;
  return new Promise((resolve, reject) => {
    const call = request({
      socketPath,
      path,
      agent: false,
      timeout: 10_000,
      ...(signal === undefined ? {} : { signal }),
    });
    call.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body })).on("error", reject);
    });
    call.on("timeout", () =>
      call.destroy(new ControlPlaneAway(`the control plane at ${socketPath} does not answer`)),
    );
    call.on("error", (error: NodeJS.ErrnoException) => reject(explained(error, state, socketPath)));
    call.end();
  });
}

function explained(error: NodeJS.ErrnoException, state: string, socketPath: string): Error {
  switch (error.code) {
    case "ENOENT":
      return new ControlPlaneAway(
        `no mesh runs with the state in ${state}; start one with heddle up, or name its --state`,
      );
    case "ECONNREFUSED":
    case "ECONNRESET":
      return new ControlPlaneAway(`the control plane of the mesh in ${state} is not running at the moment`);
    case "EACCES":
      return new Error(`${socketPath} may only be read by the user who runs the mesh; try with sudo`);
    default:
      return error;
  }
}
