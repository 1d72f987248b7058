import { dirname, join } from "node:path";

/** Something of the host, or of the pod's volumes, that a container sees at a place of its own. */
export interface Mount {
  readonly source: string;
  /** An absolute path in the container. */
  readonly target: string;
  readonly kind: "directory" | "file";
  readonly readOnly: boolean;
}

/** The parts of the host's file system that planning looks at. */
export interface HostFiles {
  kindOf(path: string): "directory" | "file" | "absent";
  realPath(path: string): string;
  /** The names in `/`. */
  readonly rootEntries: readonly string[];
}

/** How the file system of a container is put together from the host's, whose own files are never touched. */
export interface MountPlan {
  readonly mounts: readonly PlannedMount[];
  /** Directories in which a mount point must be made: each gets a layer of its own, kept in memory. */
  readonly layered: readonly string[];
  /** A mount point in `/` itself is needed: the container gets a new root with everything of the host's in it. */
  readonly newRoot: readonly RootEntry[] | undefined;
}

interface PlannedMount extends Mount {
  /**
   * Whether the mount point is there, is made beforehand (in memory only), or lies in another mount and is made there
   * when that is in its place.
   */
  readonly point: "there" | "made" | "nested";
}

interface RootEntry {
  readonly name: string;
  readonly kind: "directory" | "file";
}

/** Always replaced by an empty one: sockets of the host's resolver, of nscd and of container runtimes are in it. */
export const RUN = "/run";

/** Plans the mounts of one container, outer ones first. Pure but for what `host` tells. */
export function planMounts(mounts: readonly Mount[], host: HostFiles): MountPlan {
  const resolved = mounts
    .map((mount) => ({ ...mount, target: resolveTarget(mount.target, host) }))
    .sort((a, b) => depth(a.target) - depth(b.target));
  const planned: PlannedMount[] = [];
  const ancestors = new Set<string>();
  for (const mount of resolved) {
    const inside = (outer: string): boolean => mount.target.startsWith(`${outer}/`);
    if (planned.some((other) => inside(other.target))) {
      planned.push({ ...mount, point: "nested" });
    } else if (inside(RUN)) {
      planned.push({ ...mount, point: "made" });
    } else if (host.kindOf(mount.target) === mount.kind) {
      planned.push({ ...mount, point: "there" });
    } else {
      planned.push({ ...mount, point: "made" });
      ancestors.add(nearestDirectory(dirname(mount.target), host));
    }
  }
  const newRoot = ancestors.delete("/");
  return {
    mounts: planned,
    layered: [...ancestors].filter((path) => ![...ancestors].some((other) => path.startsWith(`${other}/`))),
    newRoot: newRoot
      ? host.rootEntries.map((name) => ({
          name,
          kind: host.kindOf(`/${name}`) === "directory" ? "directory" : "file",
        }))
      : undefined,
  };
}

/** Follows the symbolic links in the part of a path that exists, so that `/var/run/x` becomes `/run/x`. */
function resolveTarget(path: string, host: HostFiles): string {
  const existing = host.kindOf(path) === "absent" ? nearestDirectory(path, host) : path;
  return join(host.realPath(existing), path.slice(existing.length));
}

function nearestDirectory(path: string, host: HostFiles): string {
  return path === "/" || host.kindOf(path) === "directory" ? path : nearestDirectory(dirname(path), host);
}

function depth(path: string): number {
  return path.split("/").length;
}
