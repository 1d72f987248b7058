// What one client wants and has of one resource type: the delta xDS protocol as a state machine without I/O.
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#incremental-xds

/** The part of a `DeltaDiscoveryRequest` that says what the client wants and has. */
export interface Interest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name to version; only of the first request of a type on a stream. */
  readonly initialVersions: Readonly<Record<string, string>>;
}

/** What a request changed about the names asked for one by one. */
export interface InterestChange {
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  /** Everything subscribed to by this request, also again: it must be answered. */
  readonly asked: readonly string[];
}

/** The version of something that the client was told does not exist. */
export const toldAbsent = "";
/** The version of something that the client may have, of which nobody knows what it is. */
export const unknownVersion = "?";

const everything = "*";

/** The state of one resource type on one stream. */
export class Subscription {
  /** Names asked for one by one, the one that was asked for longest ago first. */
  readonly names = new Set<string>();
  /** Those of `names` that the client has not asked for itself. */
  readonly volunteered = new Set<string>();
  /** What the client has: name to version, `toldAbsent` or `unknownVersion`. */
  readonly held = new Map<string, string>();
  /** Whether everything is subscribed to: by a first request without names, or by the name `*`. */
  wildcard = false;
  #requested = false;

  /** Whether the client has sent any request for this type. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Takes a request. ACKs and NACKs are requests too, mostly without names. */
  apply(interest: Interest): InterestChange {
    // "A list of resource versions that the client has … only the first message of a stream": what it kept from before.
    if (!this.#requested)
      for (const [name, version] of Object.entries(interest.initialVersions)) this.held.set(name, version);
    const added = this.#subscribe(interest);
    const dropped = this.#unsubscribe(interest.unsubscribe);
    this.#requested = true;
    return { added, dropped, asked: interest.subscribe.filter((name) => name !== everything) };
  }

  /** Adds a name that the client has not asked for, and returns whether it is new. */
  add(name: string): boolean {
    if (this.names.has(name)) return false;
    this.names.add(name);
    this.volunteered.add(name);
    return true;
  }

  /** Forgets a name without a word from the client. */
  forget(name: string): void {
    this.names.delete(name);
    this.volunteered.delete(name);
  }

  #subscribe(interest: Interest): string[] {
    const added: string[] = [];
    for (const name of interest.subscribe) {
      if (name === everything) {
        this.wildcard = true;
        continue;
      }
      // "The server must respond with all resources listed in resource_names_subscribe, even if it believes the
      // client has the most recent version of them", for the client may have dropped them. In a first request the
      // initial versions say what it really has.
      if (this.#requested || !(name in interest.initialVersions)) this.held.delete(name);
      if (!this.names.delete(name)) added.push(name);
      this.names.add(name);
      this.volunteered.delete(name);
    }
    // "If the client has never explicitly subscribed to any resource names, the server should treat that identically
    // to having explicitly subscribed to *." It stays so when names are added, until `*` is unsubscribed from.
    if (!this.#requested && interest.subscribe.length === 0) this.wildcard = true;
    return added;
  }

  #unsubscribe(names: readonly string[]): string[] {
    const dropped: string[] = [];
    for (const name of names) {
      if (name === everything) {
        this.wildcard = false;
        continue;
      }
      if (!this.names.delete(name)) continue;
      this.volunteered.delete(name);
      dropped.push(name);
      // "If a wildcard subscription is still there, the server must send the resource or say that it is removed",
      // for the client cannot know whether the wildcard covers it. Else it has simply dropped it.
      if (!this.wildcard) this.held.delete(name);
      else this.held.set(name, unknownVersion);
    }
    return dropped;
  }
}
