// One way of a request through a mesh, and what it takes.
import { cpuSeconds } from "../processes.ts";
import { sum } from "../statistics.ts";
import type { Load, LoadResult } from "./load-generator.ts";
import type { LocalMesh } from "./mesh.ts";

const load = { perSecond: 1_000, connections: 16 };

export interface Way {
  readonly namespace: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The container with the proxy, at both ends. */
  readonly container: string | undefined;
}

/** Sends the usual load for some seconds. */
export function send(
  mesh: LocalMesh,
  { namespace: from, url, headers }: Way,
  seconds: number,
): Promise<LoadResult> {
  return mesh.runIn<LoadResult>(from, "client", "load-generator.ts", {
    ...load,
    url,
    ...(headers === undefined ? {} : { headers }),
    seconds,
  } satisfies Load);
}

/** Sends the usual load, and reads what the proxies at both ends took for it. Throws when a request fails. */
export async function measureWay(mesh: LocalMesh, way: Way, seconds: number) {
  const proxies =
    way.container === undefined
      ? []
      : [
          await mesh.process(way.namespace, "client", way.container),
          await mesh.process(way.namespace, "server", way.container),
        ];
  const before = sum(proxies.map(cpuSeconds));
  const result = await send(mesh, way, seconds);
  if (result.failures > 0) throw new Error(`${result.failures} requests to ${way.url} failed`);
  return { ...result, cpuPerThousand: ((sum(proxies.map(cpuSeconds)) - before) * 1000) / result.requests };
}
