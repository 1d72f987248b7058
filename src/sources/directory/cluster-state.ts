// What the local runner says there is: its pods, a file each, and the addresses that it gave to services.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Collection, Graph, Source } from "#collections/graph.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { objectKey } from "#model/reference.ts";
import { type FileChange, watchFiles } from "./watch-files.ts";

export interface ClusterState {
  /** The pods as they are: injected, with their status. */
  readonly pods: Collection<Pod>;
  /** Virtual IPs by the key of the service. */
  readonly serviceAddresses: Collection<string>;
  close(): void;
}

/**
 * Follows `directory/pods/*.json` and `directory/service-addresses.json`; both are written by renaming, so a file is
 * always whole. A change costs as much as the file that changed.
 */
export function openClusterState(graph: Graph, directory: string): ClusterState {
  const pods = graph.source<Pod>("pods of the cluster");
  const serviceAddresses = graph.source<string>("service addresses");
  const podsDirectory = join(directory, "pods");
  const addressesFile = join(directory, "service-addresses.json");
  const podKeys = new Map<string, string>();
  mkdirSync(podsDirectory, { recursive: true, mode: 0o711 });
  const take = (changes: readonly FileChange[]): void => {
    for (const [path, text] of changes) {
      if (path === addressesFile) takeAddresses(serviceAddresses, text);
      else takePod(pods, podKeys, path, text);
    }
  };
  const watched = watchFiles({
    paths: [podsDirectory, addressesFile],
    accepts: (name) => name.endsWith(".json"),
    changed: take,
    unwatchable: () => {}, // Changes are then found by looking now and then.
  });
  take(watched.initial);
  return { pods, serviceAddresses, close: () => watched.close() };
}

function takePod(pods: Source<Pod>, keys: Map<string, string>, path: string, text: string | undefined): void {
  if (text === undefined) {
    const key = keys.get(path);
    keys.delete(path);
    if (key !== undefined) pods.set(key, undefined);
    return;
  }
  const pod = JSON.parse(text) as Pod;
  const key = objectKey(pod.metadata);
  keys.set(path, key);
  pods.set(key, pod);
}

function takeAddresses(addresses: Source<string>, text: string | undefined): void {
  const given = JSON.parse(text ?? "{}") as Readonly<Record<string, string>>;
  const gone = [...addresses.keys()].filter((key) => given[key] === undefined);
  addresses.apply([...gone.map((key) => [key, undefined] as const), ...Object.entries(given)]);
}
