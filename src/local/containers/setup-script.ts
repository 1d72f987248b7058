import { dirname } from "node:path";
import { type Mount, type MountPlan, RUN } from "./mount-plan.ts";

/** How a container starts: in which file system, as whom, where, and what. */
export interface Setup {
  /** An empty directory of the state, where the container's own layers are mounted. */
  readonly scratch: string;
  readonly plan: MountPlan;
  readonly hostname: string;
  readonly workingDirectory: string;
  /** The pod names it; otherwise `/` does where it cannot be seen. */
  readonly workingDirectoryNamed: boolean;
  readonly credentials: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly command: readonly string[];
}

/**
 * The shell script that runs first in the container's own namespaces and ends by becoming its command.
 * On descriptor 3 it says `started`, or `failed` and why. Pure.
 */
export function setupScript(setup: Setup): string {
  const { plan, scratch, hostname, workingDirectory } = setup;
  const root = plan.newRoot === undefined ? "" : `${INNER}/root`;
  const covered = [RUN, ...plan.layered, ...plan.mounts.map(({ target }) => target)];
  const sources = plan.mounts.map((mount, index) => ({
    mount,
    // A source that is about to be covered is kept at hand before.
    kept: covered.some((path) => mount.source.startsWith(`${path}/`)) ? `v/${index}` : undefined,
  }));
  return [
    PRELUDE,
    `mount -t tmpfs -o mode=0755 heddle ${quote(scratch)} || fail ${quote(`cannot mount in ${scratch}`)}`,
    `cd ${quote(scratch)} && mkdir -p v o run/.heddle`,
    ...sources.flatMap(({ mount, kept }) => (kept === undefined ? [] : [keep(mount, `${scratch}/${kept}`)])),
    `mount --rbind ${quote(scratch)} ${quote(`${scratch}/run/.heddle`)} && mount --rbind ${quote(`${scratch}/run`)} ${RUN} || fail "cannot replace ${RUN}"`,
    "cd /",
    ...plan.layered.map((path, index) => layer(path, `${INNER}/o/${index}`)),
    ...(plan.newRoot === undefined ? [] : newRoot(root, plan.newRoot)),
    makeTargets(
      plan.mounts.filter(({ point }) => point === "made"),
      root,
    ),
    ...sources.flatMap(({ mount, kept }) => [
      ...(mount.point === "nested" ? [makeTargets([mount], root)] : []),
      attach(
        kept === undefined ? mount.source : `${INNER}/${kept}`,
        `${root}${mount.target}`,
        mount.readOnly,
      ),
    ]),
    ...(plan.newRoot === undefined ? [] : enterRoot(root)),
    `umount -l ${INNER} ${quote(scratch)} 2>&4`,
    `echo ${quote(hostname)} > /proc/sys/kernel/hostname`,
    setup.workingDirectoryNamed
      ? `cd -- ${quote(workingDirectory)} || fail ${quote(`the working directory ${workingDirectory} does not exist`)}`
      : `cd -- ${quote(workingDirectory)} 2>&4 || cd /`,
    becomeCommand(setup),
  ].join("\n");
}

/** Where the container's own layers are while it is put together. */
const INNER = `${RUN}/.heddle`;

/** The same process attributes for a command that joins a running container. */
export function joinScript(
  setup: Pick<Setup, "workingDirectory" | "credentials" | "environment" | "command">,
): string {
  return `cd -- ${quote(setup.workingDirectory)} 2>/dev/null || cd /; exec ${execLine(setup)}`;
}

const PRELUDE = `
fail() { printf 'failed %s\\n' "$1" >&3; exit 125; }
executable() { [ -x "$1" ] && [ ! -d "$1" ]; }
found() {
  case $2 in */*) executable "$2"; return;; esac
  IFS=:
  for directory in $1; do executable "$directory/$2" && return; done
  return 1
}
exec 4>/dev/null
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022`;

function becomeCommand(setup: Setup): string {
  const [program = ""] = setup.command;
  const path = setup.environment.get("PATH") ?? "";
  const missing = `the command ${JSON.stringify(program)} does not exist or cannot be executed`;
  return [
    `found ${quote(path)} ${quote(program)} || fail ${quote(missing)}`,
    "echo started >&3",
    "exec 3>&- 4>&-",
    // With a change of user the kernel forgets what unshare asked for: to end with it.
    `exec ${execLine({ ...setup, credentials: [...setup.credentials, "--pdeathsig=KILL"] })}`,
  ].join("\n");
}

function execLine(setup: Pick<Setup, "credentials" | "environment" | "command">): string {
  const variables = [...setup.environment].map(([name, value]) => `${name}=${value}`);
  return ["setpriv", ...setup.credentials, "--", "env", "-i", ...variables, ...setup.command]
    .map(quote)
    .join(" ");
}

function keep(mount: Mount, at: string): string {
  const make = mount.kind === "directory" ? `mkdir ${quote(at)}` : `: > ${quote(at)}`;
  return `${make} && mount --rbind ${quote(mount.source)} ${quote(at)} || fail ${quote(`cannot mount ${mount.source}`)}`;
}

function attach(source: string, target: string, readOnly: boolean): string {
  const how = readOnly ? "--bind -o ro" : "--rbind";
  return `mount ${how} ${quote(source)} ${quote(target)} || fail ${quote(`cannot mount ${source} at ${target}`)}`;
}

function layer(path: string, at: string): string {
  const options = `lowerdir=${path},upperdir=${at}/upper,workdir=${at}/work`;
  return `mkdir -p ${quote(`${at}/upper`)} ${quote(`${at}/work`)} && mount -t overlay heddle -o ${quote(options)} ${quote(path)} || fail ${quote(`cannot make mount points in ${path}`)}`;
}

/** All mount points at once: each program that a script starts takes its time. */
function makeTargets(mounts: readonly Mount[], root: string): string {
  const directories = mounts.map(
    ({ kind, target }) => root + (kind === "directory" ? target : dirname(target)),
  );
  const files = mounts
    .filter(({ kind }) => kind === "file")
    .map(({ target }) => `: >> ${quote(root + target)}`);
  const make = directories.length === 0 ? [] : [`mkdir -p ${[...new Set(directories)].map(quote).join(" ")}`];
  return `{ ${[...make, ...files, ":"].join(" && ")}; } || fail "cannot make mount points"`;
}

function newRoot(root: string, entries: NonNullable<MountPlan["newRoot"]>): string[] {
  return [
    `mkdir ${root} && mount -t tmpfs -o mode=0755 heddle ${root}`,
    ...entries.map(({ name, kind }) => {
      const from = quote(`/${name}`);
      const to = quote(`${root}/${name}`);
      const make = kind === "directory" ? `mkdir ${to}` : `: > ${to}`;
      // The new /run holds this root itself: it is bound without what is mounted below it.
      const kindOfBind = `/${name}` === RUN ? "--bind" : "--rbind";
      return `if [ -L ${from} ]; then cp -P ${from} ${to}; else ${make} && mount ${kindOfBind} ${from} ${to}; fi`;
    }),
  ];
}

function enterRoot(root: string): string[] {
  return [
    `mkdir ${root}/.host && cd ${root} && pivot_root . .host && cd / || fail "cannot enter the new root"`,
    "umount -l /.host && rmdir /.host",
  ];
}

/** A word of the shell, whatever is in it. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
