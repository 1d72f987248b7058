// Programs that containers name: in local mode a command runs on this machine, so it has to be here.
import { delimiter, isAbsolute, join } from "node:path";
import { commandLine, findStandIn, type ImageStandIn } from "#model/image-stand-in.ts";
import { isGatewayTemplate, placeholderContainer } from "#model/kubernetes/gateway-template.ts";
import type { Container, PodSpec } from "#model/kubernetes/pod.ts";
import type { PodTemplate } from "#model/kubernetes/workloads.ts";
import type { ObjectReference, Problem } from "#model/reference.ts";
import { isExecutable } from "#runtime/executable.ts";
import type { LocalObjects } from "#sources/objects.ts";
import { IMAGE_FILE } from "./image-file.ts";

/** Problems with the commands of all containers, as this machine is now. They do not say yet in which file. */
export function checkCommands(objects: LocalObjects, standIns: readonly ImageStandIn[]): readonly Problem[] {
  const workloads = [objects.deployments, objects.statefulSets, objects.jobs].flatMap((collection) =>
    [...collection.entries()].map(([, object]) => ({
      object,
      template: object.spec.template,
      field: "spec.template.spec",
    })),
  );
  const pods = [...objects.pods.entries()].map(([, object]) => ({
    object,
    template: object,
    field: "spec",
  }));
  return [...workloads, ...pods].flatMap(({ object, template, field }) => {
    const { namespace = "", name } = object.metadata;
    const meant = withoutPlaceholder(template);
    return checkContainers({ kind: object.kind, namespace, name }, meant, field, standIns);
  });
}

/** A gateway's proxy comes in the place of a container. */
function withoutPlaceholder(template: PodTemplate): PodSpec {
  const { spec } = template;
  if (!isGatewayTemplate(template)) return spec;
  return { ...spec, containers: spec.containers.filter(({ name }) => name !== placeholderContainer) };
}

function checkContainers(
  object: ObjectReference,
  spec: PodSpec,
  field: string,
  standIns: readonly ImageStandIn[],
): readonly Problem[] {
  const lists = [
    { list: spec.initContainers ?? [], at: `${field}.initContainers` },
    { list: spec.containers, at: `${field}.containers` },
  ];
  return lists.flatMap(({ list, at }) =>
    list.flatMap((container, index) => {
      const problem = commandProblem(container, standIns, `${at}[${index}]`);
      return problem === undefined ? [] : [{ ...problem, object }];
    }),
  );
}

function commandProblem(
  container: Container,
  standIns: readonly ImageStandIn[],
  at: string,
): Problem | undefined {
  const { image = "" } = container;
  const standIn = findStandIn(image, standIns);
  const command = commandLine(container, standIn)?.[0];
  if (command === undefined)
    return {
      severity: "warning",
      message: `container ${container.name} ${withoutCommand(container)}`,
      field: at,
    };
  if (command.includes("$(") || isRunnable(command, container, standIn)) return undefined;
  const place = command.includes("/") ? "" : " in PATH";
  const missing = `there is no program ${command}${place} that can be run on this machine`;
  if (standIn !== undefined && command !== container.command?.[0])
    return {
      severity: "error",
      message: `${missing}; install it or correct what stands in for ${standIn.image} in ${IMAGE_FILE}`,
      field: `${at}.image`,
    };
  return {
    severity: "error",
    message: `${missing}; install it or correct the command`,
    field: `${at}.command[0]`,
  };
}

/** Says what to do about a container of which nobody knows what it runs. */
export function withoutCommand({ image }: Container): string {
  return image === undefined
    ? "has no command, and no image that something could stand in for; give it a command"
    : `has no command, and images do not run in local mode; give it a command, or say what stands in for ${image} in a file ${IMAGE_FILE}`;
}

function isRunnable(command: string, container: Container, standIn: ImageStandIn | undefined): boolean {
  if (command.includes("/")) {
    const directory = container.workingDir ?? standIn?.workingDir;
    // Volumes may be mounted anywhere, so what is below one is known only when the pod runs.
    const path = isAbsolute(command)
      ? command
      : directory === undefined
        ? undefined
        : join(directory, command);
    const mounted = (container.volumeMounts ?? []).some(
      ({ mountPath }) => path?.startsWith(mountPath) === true,
    );
    return path === undefined || mounted || isExecutable(path);
  }
  const own = container.env?.find(({ name }) => name === "PATH")?.value ?? standIn?.env?.["PATH"];
  return (own ?? process.env["PATH"] ?? "")
    .split(delimiter)
    .some((directory) => isExecutable(join(directory, command)));
}
