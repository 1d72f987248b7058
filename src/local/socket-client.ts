import { request } from "node:http";

/** Nobody serves the socket: the mesh, or this part of it, does not run. */
export class NotRunningError extends Error {
  constructor(socket: string, cause: unknown) {
    super(`nothing answers on ${socket}`, { cause });
    this.name = "NotRunningError";
  }
}

/**
 * Asks an HTTP API on a Unix socket and gives its JSON answer.
 * Throws a NotRunningError if nobody listens, and an Error with what was answered for any status but 2xx.
 */
export function askSocket<T>(
  socketPath: string,
  path: string,
  options: { readonly method?: "GET" | "POST"; readonly body?: unknown; readonly timeoutMs?: number } = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path,
      method: options.method ?? "GET",
      headers: { "content-type": "application/json" },
      ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
    });
    asked.on("error", (error) =>
      reject(
        "code" in error && NOBODY.includes(String(error.code))
          ? new NotRunningError(socketPath, error)
          : error,
      ),
    );
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(JSON.parse(text) as T);
        else reject(new Error(errorOf(text) ?? `${path} answered ${status}`));
      });
    });
    asked.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

const NOBODY = ["ENOENT", "ECONNREFUSED", "ECONNRESET"];

function errorOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { readonly error?: string }).error;
  } catch {
    return undefined;
  }
}
