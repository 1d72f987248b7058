// Programs that containers name: in local mode a command runs on this machine, so it has to be here.
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { isGatewayTemplate, placeholderContainer } from "#model/kubernetes/gateway-template.ts";
import type { Container, PodSpec } from "#model/kubernetes/pod.ts";
import type { PodTemplate } from "#model/kubernetes/workloads.ts";
import type { ObjectReference, Problem } from "#model/reference.ts";
import type { LocalObjects } from "#sources/objects.ts";

/** Problems with the commands of all containers, as this machine is now. They do not say yet in which file. */
export function checkCommands(objects: LocalObjects): readonly Problem[] {
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
    return checkContainers({ kind: object.kind, namespace, name }, withoutPlaceholder(template), field);
  });
}

/** A gateway's proxy comes in the place of a container. */
function withoutPlaceholder(template: PodTemplate): PodSpec {
  const { spec } = template;
  if (!isGatewayTemplate(template)) return spec;
  return { ...spec, containers: spec.containers.filter(({ name }) => name !== placeholderContainer) };
}

function checkContainers(object: ObjectReference, spec: PodSpec, field: string): readonly Problem[] {
  const lists = [
    { list: spec.initContainers ?? [], at: `${field}.initContainers` },
    { list: spec.containers, at: `${field}.containers` },
  ];
  return lists.flatMap(({ list, at }) =>
    list.flatMap((container, index) => {
      const problem = commandProblem(container, `${at}[${index}]`);
      return problem === undefined ? [] : [{ ...problem, object }];
    }),
  );
}

function commandProblem(container: Container, at: string): Problem | undefined {
  const command = container.command?.[0];
  if (command === undefined) {
    const message = `container ${container.name} has no command; local mode does not run images, so it needs one there`;
    return { severity: "warning", message, field: at };
  }
  if (command.includes("$(") || isRunnable(command, container)) return undefined;
  const place = command.includes("/") ? "" : " in PATH";
  const message = `there is no program ${command}${place} that can be run on this machine; install it or correct the command`;
  return { severity: "error", message, field: `${at}.command[0]` };
}

function isRunnable(command: string, container: Container): boolean {
  if (command.includes("/")) {
    const { workingDir } = container;
    // Volumes may be mounted anywhere, so what is below one is known only when the pod runs.
    const path = isAbsolute(command)
      ? command
      : workingDir === undefined
        ? undefined
        : join(workingDir, command);
    const mounted = (container.volumeMounts ?? []).some(
      ({ mountPath }) => path?.startsWith(mountPath) === true,
    );
    return path === undefined || mounted || isExecutable(path);
  }
  const own = container.env?.find(({ name }) => name === "PATH")?.value;
  return (own ?? process.env["PATH"] ?? "")
    .split(delimiter)
    .some((directory) => isExecutable(join(directory, command)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
