// What workloads used before, in one ConfigMap: all replicas read it, the leader writes it, and rarely.
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { dependenciesConfigMap, systemNamespace } from "#model/installation.ts";
import type { ConfigMap } from "#model/kubernetes/configuration.ts";
import { followObjects } from "./follow-objects.ts";
import type { LearnedDependencies, Use, Uses } from "./learned-dependencies.ts";

const file = "dependencies.json";
const writeIntervalMs = 60_000;
/** etcd takes 1.5 MB; nobody wants to see half of it in a ConfigMap. */
const sizeLimit = 500_000;
const day = 24 * 60 * 60_000;

type OnFailure = (what: string, error: unknown) => void;

/** Per workload, per type, per name: the day of the last use since 1970. With the day alone, it rarely changes. */
type DaysOfUse = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;

/** Learns what is in the ConfigMap, now and whenever it changes, until the signal aborts. */
export function readDependencies(
  client: KubernetesClient,
  learned: LearnedDependencies,
  onFailure: OnFailure,
  signal: AbortSignal,
): void {
  followObjects(
    client,
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      namespace: systemNamespace,
      fieldSelector: `metadata.name=${dependenciesConfigMap}`,
    },
    {
      changed: (_key, object) => {
        const text = (object as ConfigMap | undefined)?.data?.[file];
        if (text !== undefined) learned.learn(parseDependencies(text));
      },
      onFailure: (error) => onFailure("watching what workloads used", error),
    },
    signal,
  );
}

/** Writes now and then what is known, here and to the other replicas, if it has changed. For the leader alone. */
export async function writeDependencies(
  client: Pick<KubernetesClient, "apply">,
  learned: LearnedDependencies,
  askOthers: () => Promise<readonly Uses[]>,
  onFailure: OnFailure,
  signal: AbortSignal,
): Promise<void> {
  for (let written = ""; ; ) {
    await sleep(writeIntervalMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    for (const uses of await askOthers()) learned.learn(uses);
    written = await writeChanged(client, learned, written).catch((error: unknown) => {
      onFailure("writing what workloads used", error);
      return "";
    });
  }
}

/** Writes what is known, unless `written` says that already; returns what is written then. */
export async function writeChanged(
  client: Pick<KubernetesClient, "apply">,
  learned: LearnedDependencies,
  written: string,
): Promise<string> {
  const text = formatDependencies(learned.uses());
  if (text === written) return written;
  const object: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: dependenciesConfigMap, namespace: systemNamespace },
    data: { [file]: text },
  };
  await client.apply(object, { fieldManager: "heddle-dependencies", force: true });
  return text;
}

/** The same uses give the same text. Beyond the limit, what was used longest ago is left out. */
export function formatDependencies(uses: Uses, limit = sizeLimit): string {
  const all = Object.entries(uses).flatMap(([workload, names]) => names.map((use) => ({ workload, use })));
  all.sort(
    (a, b) =>
      dayOf(b.use) - dayOf(a.use) ||
      compare(a.workload, b.workload) ||
      compare(a.use.typeUrl, b.use.typeUrl) ||
      compare(a.use.name, b.use.name),
  );
  const record: Record<string, Record<string, Record<string, number>>> = {};
  let size = 2;
  for (const { workload, use } of all) {
    const types = record[workload] ?? {};
    const names = types[use.typeUrl] ?? {};
    size += JSON.stringify(use.name).length + 8;
    if (record[workload] === undefined) size += JSON.stringify(workload).length + 4;
    if (types[use.typeUrl] === undefined) size += JSON.stringify(use.typeUrl).length + 4;
    if (size > limit) break;
    record[workload] = { ...types, [use.typeUrl]: { ...names, [use.name]: dayOf(use) } };
  }
  return JSON.stringify(record);
}

/** What `formatDependencies` wrote; nothing from a text that it did not write. */
export function parseDependencies(text: string): Uses {
  try {
    const record = JSON.parse(text) as DaysOfUse;
    return Object.fromEntries(
      Object.entries(record).map(([workload, types]) => [
        workload,
        Object.entries(types).flatMap(([typeUrl, names]) =>
          Object.entries(names).map(([name, lastDay]) => ({ typeUrl, name, lastUsed: lastDay * day })),
        ),
      ]),
    );
  } catch {
    return {}; // It holds nothing that is not learned again.
  }
}

function dayOf({ lastUsed }: Use): number {
  return Math.floor(lastUsed / day);
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
