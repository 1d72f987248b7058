import { renameSync, writeFileSync } from "node:fs";
import type { Pod } from "#model/kubernetes/pod.ts";

/** Keeps the file of a pod as the pod is. */
export interface Publisher {
  /** The pod has changed: it is written before the next turn of the event loop. */
  changed(): void;
  /** Writes it at once. */
  now(): void;
  close(): void;
}

/** Writes a pod to `file` whenever it differs from what is there, by way of `draft`: nobody reads half of it. */
export function publisher(draft: string, file: string, read: () => Pod): Publisher {
  let last = "";
  let scheduled = false;
  let closed = false;
  function now(): void {
    scheduled = false;
    if (closed) return;
    const text = JSON.stringify(read());
    if (text === last) return;
    last = text;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  }
  return {
    now,
    changed() {
      if (scheduled) return;
      scheduled = true;
      setImmediate(now);
    },
    close() {
      closed = true;
    },
  };
}
