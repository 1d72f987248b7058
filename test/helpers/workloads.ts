// Builders of the objects that tests of a mesh write into files.
import { join } from "node:path";
import { APPS } from "./mesh.ts";

export interface WorkloadOptions {
  readonly namespace?: string;
  readonly replicas?: number;
  /** Beside `app: NAME`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields of the pod's spec beside its containers. */
  readonly spec?: object;
  /** Further fields of the container. */
  readonly container?: object;
}

/** A Deployment with one container, named like it. */
export function deployment(name: string, command: readonly string[], options: WorkloadOptions = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: options.namespace ?? "default" },
    spec: {
      replicas: options.replicas ?? 1,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, command, options),
    },
  };
}

/** The template of a pod with one container, labelled `app: NAME`. */
export function podTemplate(name: string, command: readonly string[], options: WorkloadOptions = {}): object {
  return {
    metadata: {
      labels: { app: name, ...options.labels },
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    },
    spec: { containers: [{ name, command, ...options.container }], ...options.spec },
  };
}

/** A Deployment of the stand-in application (test/local/apps/echo.ts), ready when `readyPort` accepts connections. */
export function echo(
  name: string,
  flags: readonly string[],
  readyPort: number,
  options: WorkloadOptions = {},
): object {
  const container = {
    readinessProbe: { tcpSocket: { port: readyPort }, periodSeconds: 1 },
    ...options.container,
  };
  return deployment(name, ["node", join(APPS, "echo.ts"), ...flags], { ...options, container });
}

/** A Deployment that does nothing: tests run clients in it. */
export function client(name: string, options: WorkloadOptions = {}): object {
  return deployment(name, ["sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done"], options);
}

/** The command that calls an address from inside a pod (test/local/apps/call.ts). */
export function call(url: string, ...flags: readonly string[]): readonly string[] {
  return ["node", join(APPS, "call.ts"), ...flags, url];
}

/** A Service for the pods labelled `app: NAME`; ports as `{port, targetPort, name, appProtocol}`. */
export function service(
  name: string,
  ports: readonly object[],
  options: { readonly namespace?: string; readonly clusterIP?: string; readonly app?: string } = {},
): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: options.namespace ?? "default" },
    spec: {
      selector: { app: options.app ?? name },
      ports,
      ...(options.clusterIP === undefined ? {} : { clusterIP: options.clusterIP }),
    },
  };
}

/** A Namespace whose pods get sidecars. */
export function meshedNamespace(name: string): object {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "heddle.dev/inject": "enabled" } },
  };
}
