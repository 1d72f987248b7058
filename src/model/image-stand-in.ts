import { literally } from "./expression.ts";
import type { Container, PodSpec } from "./kubernetes/pod.ts";

/** What an image would have brought, on a machine that does not run images. */
export interface ImageStandIn {
  /** The images that it stands in for: a name, with or without tag or digest; `*` is any number of characters. */
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An absolute path of this machine. */
  readonly workingDir: string;
}

/** The stand-ins of a pod's containers, by the name of the container; those without one are not in it. */
export type PodStandIns = Readonly<Record<string, ImageStandIn>>;

/** Finds what stands in for the images of a pod. Pure. */
export function standInsOf(
  spec: Pick<PodSpec, "containers" | "initContainers">,
  standIns: readonly ImageStandIn[],
): PodStandIns {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return Object.fromEntries(
    containers.flatMap(({ name, image }) => {
      const found = image === undefined ? undefined : findStandIn(image, standIns);
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
}

/** The most specific one that fits: without `*` before with, then the longest; the first of equals. */
export function findStandIn(image: string, standIns: readonly ImageStandIn[]): ImageStandIn | undefined {
  return standIns
    .filter((standIn) => fits(image, standIn.image))
    .toSorted((a, b) => specificity(b.image) - specificity(a.image))[0];
}

function specificity(pattern: string): number {
  const literal = pattern.replaceAll("*", "").length;
  return pattern.includes("*") ? literal : literal + LONGER_THAN_NAMES;
}

const LONGER_THAN_NAMES = 10_000;

/** A pattern without tag and digest fits all of them. */
function fits(image: string, pattern: string): boolean {
  const wanted = withRegistry(pattern);
  const full = withRegistry(image);
  const expression = new RegExp(`^${wanted.split("*").map(literally).join(".*")}$`, "u");
  return (
    expression.test(full) || (withoutVersion(wanted) === wanted && expression.test(withoutVersion(full)))
  );
}

/** `nginx` is short for `docker.io/library/nginx`, `curlimages/curl` for `docker.io/curlimages/curl`. */
function withRegistry(name: string): string {
  const [first = "", ...others] = name.split("/");
  if (first.includes("*")) return name;
  if (others.length === 0) return `docker.io/library/${name}`;
  return /[.:]|^localhost$/u.test(first) ? name : `docker.io/${name}`;
}

function withoutVersion(name: string): string {
  return name.replace(/@.*$/u, "").replace(/:[^/]*$/u, "");
}

/**
 * What a container runs: its `command` replaces the entrypoint of its image, and its `args` replace the cmd, which goes
 * with the entrypoint. Undefined if nothing says it. `expand` replaces variables, in what the pod says only.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
 */
export function commandLine(
  container: Container,
  standIn: ImageStandIn | undefined,
  expand: (word: string) => string = (word) => word,
): readonly string[] | undefined {
  const command = given(container.command)?.map(expand);
  if (command === undefined && standIn === undefined) return undefined;
  const args = given(container.args)?.map(expand);
  const line = [
    ...(command ?? standIn?.entrypoint ?? []),
    ...(args ?? (command === undefined ? (standIn?.cmd ?? []) : [])),
  ];
  return given(line);
}

function given(words: readonly string[] | undefined): readonly string[] | undefined {
  return words?.length === 0 ? undefined : words;
}
