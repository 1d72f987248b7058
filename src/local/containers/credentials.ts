import type { Container, Pod } from "#model/kubernetes/pod.ts";

/** What container runtimes leave to a process by default. */
const DEFAULT_CAPABILITIES = [
  "audit_write",
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net_bind_service",
  "net_raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys_chroot",
];

/** The user that a container runs as: its own setting, the pod's, or root as images mostly have it. */
export function containerUser(container: Container, pod: Pod): number {
  return container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? 0;
}

/** The arguments of `setpriv` that give a process the user, groups and capabilities that its pod asks for. Pure. */
export function credentialArguments(container: Container, pod: Pod): readonly string[] {
  const context = container.securityContext;
  const user = containerUser(container, pod);
  const group = context?.runAsGroup ?? pod.spec.securityContext?.runAsGroup ?? 0;
  const fileGroup = pod.spec.securityContext?.fsGroup;
  return [
    `--reuid=${user}`,
    `--regid=${group}`,
    fileGroup === undefined ? "--clear-groups" : `--groups=${fileGroup}`,
    "--inh-caps=-all",
    ...(context?.privileged === true ? [] : [`--bounding-set=${capabilities(container)}`]),
    ...(context?.allowPrivilegeEscalation === false ? ["--no-new-privs"] : []),
  ];
}

function capabilities(container: Container): string {
  const settings = container.securityContext?.capabilities;
  const added = (settings?.add ?? []).map(capabilityName);
  const dropped = new Set((settings?.drop ?? []).map(capabilityName));
  if (added.includes("all")) return ["+all", ...[...dropped].map((name) => `-${name}`)].join(",");
  const kept = dropped.has("all") ? [] : DEFAULT_CAPABILITIES.filter((name) => !dropped.has(name));
  return ["-all", ...new Set([...kept, ...added].map((name) => `+${name}`))].join(",");
}

function capabilityName(name: string): string {
  return name.toLowerCase().replace(/^cap_/, "");
}
