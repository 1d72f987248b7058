// What this replica knows, and what all of them know together.
import type { Collection } from "#collections/graph.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";
import { type EdgeStat, type StatOptions, type StatRow, statOfRows, statRows } from "#telemetry/stat.ts";
import type { TelemetryStore } from "#telemetry/store.ts";
import type { XdsServer } from "#xds/server.ts";
import {
  type Acknowledgement,
  type ProxyStatus,
  type RejectionStatus,
  sumOfAcknowledgements,
} from "#xds/status.ts";
import type { Gathered } from "./gathered.ts";
import type { LearnedDependencies, Uses } from "./learned-dependencies.ts";
import { otherReplicas } from "./peers.ts";
import { type Answers, askReplicas, type ReplicaIdentity } from "./questions.ts";

/** What one replica knows of the proxies that are connected to it. */
export interface OwnKnowledge {
  /** The name of its pod. */
  readonly pod: string;
  readonly telemetry: TelemetryStore;
  readonly xds: Pick<XdsServer, "proxies" | "acknowledgements" | "rejections">;
  readonly learned: LearnedDependencies;
}

/** What is known of a proxy, and by whom: the pod of the replica that it is connected to. */
export interface ConnectedProxy extends ProxyStatus {
  readonly replica: string;
}

/** Questions to all replicas. */
export interface AllReplicas {
  stat(options: StatOptions): Promise<Gathered<EdgeStat>>;
  proxies(): Promise<Gathered<ConnectedProxy>>;
  acknowledgements(): Promise<Gathered<Acknowledgement>>;
  rejections(): Promise<Gathered<RejectionStatus>>;
  /** What the proxies of the others used. */
  dependencies(): Promise<readonly Uses[]>;
}

/** What this replica answers the others. */
export function ownAnswers(own: OwnKnowledge): Answers {
  const { telemetry, xds, learned } = own;
  return {
    "/stat": (parameters) => statRows(telemetry, parseStatOptions(parameters)).map(plainRow),
    "/proxies": () => ownProxies(own),
    "/acknowledgements": () => xds.acknowledgements(),
    "/rejections": () => xds.rejections(),
    "/dependencies": () => [learned.uses()],
  };
}

function ownProxies({ xds, pod }: OwnKnowledge): readonly ConnectedProxy[] {
  return xds.proxies().map((proxy) => ({ ...proxy, replica: pod }));
}

/** Asks the others, which are those in the control plane's EndpointSlices, and adds what is known here. */
export function allReplicas(
  own: OwnKnowledge,
  slices: Collection<EndpointSlice>,
  identity: ReplicaIdentity,
): AllReplicas {
  const ask = <T>(question: string) => askReplicas<T>(otherReplicas(slices, own.pod), identity, question);
  return {
    async stat(options) {
      const { items, unanswered } = await ask<PlainRow>(`/stat?${formatStatOptions(options)}`);
      const rows = [...statRows(own.telemetry, options), ...items.map(rowOf)];
      return { items: statOfRows(rows), unanswered };
    },
    async proxies() {
      const { items, unanswered } = await ask<ConnectedProxy>("/proxies");
      const proxies = [...ownProxies(own), ...items];
      return { items: proxies.sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id))), unanswered };
    },
    async acknowledgements() {
      const { items, unanswered } = await ask<Acknowledgement>("/acknowledgements");
      return { items: sumOfAcknowledgements([...own.xds.acknowledgements(), ...items]), unanswered };
    },
    async rejections() {
      const { items, unanswered } = await ask<RejectionStatus>("/rejections");
      return { items: [...own.xds.rejections(), ...items], unanswered };
    },
    dependencies: async () => (await ask<Uses>("/dependencies")).items,
  };
}

/** A row as JSON has it. */
type PlainRow = Omit<StatRow, "amount"> & {
  readonly amount: Omit<StatRow["amount"], "latency"> & {
    readonly latency: { readonly offset: number; readonly counts: readonly number[] };
  };
};

function plainRow(row: StatRow): PlainRow {
  const { offset, counts } = row.amount.latency;
  return { ...row, amount: { ...row.amount, latency: { offset, counts: [...counts] } } };
}

function rowOf(row: PlainRow): StatRow {
  const { offset, counts } = row.amount.latency;
  return { ...row, amount: { ...row.amount, latency: { offset, counts: Float64Array.from(counts) } } };
}

function formatStatOptions({ windowMs, namespace }: StatOptions): string {
  return new URLSearchParams({
    ...(windowMs === undefined ? {} : { windowMs: String(windowMs) }),
    ...(namespace === undefined ? {} : { namespace }),
  }).toString();
}

function parseStatOptions(parameters: URLSearchParams): StatOptions {
  const windowMs = parameters.get("windowMs");
  const namespace = parameters.get("namespace");
  return {
    ...(windowMs === null ? {} : { windowMs: Number(windowMs) }),
    ...(namespace === null ? {} : { namespace }),
  };
}
