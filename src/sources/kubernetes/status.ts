/** How the picture of one kind stands. */
export interface KindStatus {
  readonly kind: string;
  readonly state:
    | "reading" // for the first time
    | "in sync"
    | "out of sync" // the last state stands
    | "not installed";
  /** Why it is being read for so long, or out of sync. */
  readonly error?: string;
  /** When the state began, in milliseconds since 1970. */
  readonly since: number;
  readonly objects: number;
}

export interface StatusBoard {
  /** A kind is up to date, or could not be read or followed. */
  report(kind: string, error: Error | undefined): void;
  installed(kind: string): void;
  missing(kind: string): void;
  /** Resolved once every kind has been read or is not installed. */
  readonly ready: Promise<void>;
  current(): readonly KindStatus[];
}

type Entry = Omit<KindStatus, "kind" | "objects">;

/** Keeps how each kind stands. `onChange` is called when a state begins, not again for each try that fails. */
export function openStatus(
  kinds: readonly { readonly kind: string; readonly count: () => number }[],
  onChange: (status: KindStatus) => void = () => {},
): StatusBoard {
  const definitions = { kind: "CustomResourceDefinition", count: () => 0 };
  const counts = new Map([definitions, ...kinds].map(({ kind, count }) => [kind, count]));
  const entries = new Map<string, Entry>();
  for (const kind of counts.keys()) entries.set(kind, { state: "reading", since: Date.now() });
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const statusOf = (kind: string, entry: Entry): KindStatus => ({
    kind,
    ...entry,
    objects: counts.get(kind)?.() ?? 0,
  });
  const put = (kind: string, state: KindStatus["state"], error?: string): void => {
    const before = entries.get(kind);
    if (before?.state === state && before.error === error) return;
    const since = before?.state === state ? before.since : Date.now();
    const entry = { state, since, ...(error === undefined ? {} : { error }) };
    entries.set(kind, entry);
    onChange(statusOf(kind, entry));
    if ([...entries.values()].every((each) => each.state !== "reading")) resolve();
  };
  return {
    report: (kind, error) => {
      if (error === undefined) put(kind, "in sync");
      else put(kind, entries.get(kind)?.state === "reading" ? "reading" : "out of sync", error.message);
    },
    installed: (kind) => put(kind, "reading"),
    missing: (kind) => put(kind, "not installed"),
    ready,
    current: () => [...entries].map(([kind, entry]) => statusOf(kind, entry)),
  };
}
