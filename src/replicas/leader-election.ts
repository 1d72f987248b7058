/**
 * One writer among the replicas, by a Lease (https://kubernetes.io/docs/concepts/architecture/leases/). Clocks of
 * replicas are never compared: a lease has expired when this process has seen no change of it for its whole duration.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { leaderLease, systemNamespace } from "#model/installation.ts";

export interface LeaderElection {
  /** Whether this replica leads now. */
  leads(): boolean;
  /** Gives up leading and standing for it; the others need not wait until the lease has expired. */
  release(): Promise<void>;
}

export interface LeaderElectionOptions {
  readonly client: Pick<KubernetesClient, "request">;
  /** Of this process; another one, also a later one of the same pod, has another. */
  readonly identity: string;
  /** Called each time that this replica comes to lead; the signal aborts when it no longer does. */
  readonly lead: (signal: AbortSignal) => void;
  readonly onFailure: (error: unknown) => void;
  readonly timings?: LeaderTimings;
}

export interface LeaderTimings {
  /** How long others wait for a leader that says nothing. */
  readonly leaseMs: number;
  /** A leader that could not renew for so long stops leading: well before others begin to. */
  readonly renewWithinMs: number;
  /** Between two tries, of a leader and of the others. */
  readonly retryMs: number;
}

const usualTimings: LeaderTimings = { leaseMs: 8_000, renewWithinMs: 5_000, retryMs: 1_500 };

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec?: LeaseSpec;
}

const collection = `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases`;
const path = `${collection}/${leaderLease}`;

/** An identity that no other process has. */
export function processIdentity(pod: string | undefined): string {
  return `${pod ?? hostname()}_${process.pid}_${Date.now().toString(36)}`;
}

/** Stands for leadership until released. */
export function electLeader(options: LeaderElectionOptions): LeaderElection {
  const { timings = usualTimings, onFailure } = options;
  const stopped = new AbortController();
  const lease = new LeaseHolder(options, timings);
  let term: AbortController | undefined;

  const end = (): void => {
    term?.abort();
    term = undefined;
  };
  const run = async (): Promise<void> => {
    let renewedAt = 0;
    while (!stopped.signal.aborted) {
      const begun = performance.now();
      try {
        const timeout = AbortSignal.timeout(timings.renewWithinMs);
        const isHeld = await lease.acquireOrRenew(AbortSignal.any([stopped.signal, timeout]));
        if (stopped.signal.aborted) return;
        if (!isHeld) end();
        else {
          renewedAt = begun;
          if (term === undefined) {
            term = new AbortController();
            options.lead(term.signal);
          }
        }
      } catch (error) {
        if (!stopped.signal.aborted) onFailure(error);
      }
      if (performance.now() - renewedAt > timings.renewWithinMs) end();
      const pauseMs = timings.retryMs * (0.8 + 0.4 * Math.random());
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    leads: () => term !== undefined,
    async release() {
      stopped.abort();
      end();
      await running;
      await lease.giveUp(AbortSignal.timeout(1_000)).catch(onFailure);
    },
  };
}

class LeaseHolder {
  readonly #client: LeaderElectionOptions["client"];
  readonly #identity: string;
  readonly #timings: LeaderTimings;
  /** The lease as last seen, and when a change of it was last seen. */
  #seen: Lease | undefined;
  #seenAt = 0;

  constructor({ client, identity }: LeaderElectionOptions, timings: LeaderTimings) {
    this.#client = client;
    this.#identity = identity;
    this.#timings = timings;
  }

  /** Whether this replica holds the lease now. */
  async acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    if (!this.#isOurs()) {
      const current = await this.#read(signal);
      if (current === undefined) return this.#write("POST", collection, this.#claim(undefined), signal);
      this.#see(current);
      if (!this.#isOurs() && !this.#isFree()) return false;
    }
    return this.#write("PUT", path, this.#claim(this.#seen), signal);
  }

  async giveUp(signal: AbortSignal): Promise<void> {
    const current = await this.#read(signal); // A renewal that was cut short may have got through.
    if (current?.spec?.holderIdentity !== this.#identity) return;
    const { metadata, spec } = current;
    const free = { ...spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now() };
    await this.#write("PUT", path, { metadata, spec: free }, signal);
  }

  #isOurs(): boolean {
    return this.#seen?.spec?.holderIdentity === this.#identity;
  }

  #isFree(): boolean {
    const { holderIdentity = "", leaseDurationSeconds } = this.#seen?.spec ?? {};
    const durationMs = (leaseDurationSeconds ?? this.#timings.leaseMs / 1000) * 1000;
    return holderIdentity === "" || performance.now() - this.#seenAt > durationMs;
  }

  #see(lease: Lease): void {
    if (this.#seen?.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = lease;
    this.#seenAt = performance.now();
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.request<Lease>("GET", path, { signal });
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** The lease in our name; with the version that was seen, so that of several who take it one succeeds. */
  #claim(current: Lease | undefined): Lease {
    const isRenewal = current?.spec?.holderIdentity === this.#identity;
    const { acquireTime, leaseTransitions = 0 } = current?.spec ?? {};
    return {
      metadata: current?.metadata ?? { name: leaderLease, namespace: systemNamespace },
      spec: {
        holderIdentity: this.#identity,
        leaseDurationSeconds: Math.ceil(this.#timings.leaseMs / 1000),
        acquireTime: isRenewal && acquireTime !== undefined ? acquireTime : now(),
        renewTime: now(),
        leaseTransitions: isRenewal || current === undefined ? leaseTransitions : leaseTransitions + 1,
      },
    };
  }

  /** False if somebody else was faster: what is there is looked at anew the next time. */
  async #write(method: "POST" | "PUT", at: string, lease: Lease, signal: AbortSignal): Promise<boolean> {
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease };
    try {
      this.#see(await this.#client.request<Lease>(method, at, { body, signal }));
      return this.#isOurs();
    } catch (error) {
      this.#seen = undefined;
      if (error instanceof KubernetesError && error.status === 409) return false;
      throw error;
    }
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/: with microseconds. */
function now(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
