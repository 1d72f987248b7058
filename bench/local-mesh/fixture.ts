// Kubernetes objects for the benchmarks on a local mesh.
import { join } from "node:path";
import type { Container } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { Deployment } from "#model/kubernetes/workloads.ts";
import type { KubernetesObject } from "#model/object.ts";

export const serverPort = 8080;

/** A namespace whose pods get sidecars, or do not. */
export function namespace(name: string, isMeshed: boolean): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, ...(isMeshed ? { labels: { "heddle.dev/inject": "enabled" } } : {}) },
  };
}

/** One pod. `note` is in the template: another note is another pod. */
export function deployment(
  namespaceName: string,
  name: string,
  containers: readonly Container[],
  note = "",
): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: namespaceName },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations: { note } },
        spec: { containers, terminationGracePeriodSeconds: 1 },
      },
    },
  };
}

/** Answers every request with 1 KB, on `serverPort`. */
export const server: Container = {
  name: "application",
  command: [process.execPath, join(import.meta.dirname, "server.ts")],
  env: [{ name: "PORT", value: String(serverPort) }],
  ports: [{ name: "http", containerPort: serverPort }],
  // Patient, so that a busy machine does not take it away in the middle of a measurement.
  readinessProbe: { httpGet: { path: "/", port: serverPort }, periodSeconds: 1, timeoutSeconds: 10 },
};

/** Does nothing; programs are run in it. */
export const idle: Container = { name: "application", command: ["sleep", "infinity"] };

/** HTTP on port 80 for the pods of a Deployment; headless where their addresses are wanted. */
export function service(
  namespaceName: string,
  name: string,
  app: string,
  options: { readonly headless?: boolean } = {},
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: namespaceName },
    spec: {
      ...(options.headless === true ? { clusterIP: "None" } : {}),
      selector: { app },
      ports: [{ name: "http", port: options.headless === true ? serverPort : 80, targetPort: serverPort }],
    },
  };
}
