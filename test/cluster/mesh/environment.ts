// What the tests of pods share: an installation, a namespace in the mesh with a server, and how it injects.
import type { InjectionMode } from "#install/settings.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import { echo, object, service } from "#test/helpers/cluster-workloads.ts";
import type { Installation } from "#test/helpers/installation.ts";
import { until } from "#test/helpers/wait.ts";

export interface Environment {
  readonly heddle: Installation;
  readonly cluster: Cluster;
  /** In the mesh; `http://web/` answers there with what it saw. */
  readonly namespace: string;
  readonly injection: InjectionMode;
}

/** A namespace of its own for one way of injection. */
export async function makeEnvironment(heddle: Installation, injection: InjectionMode): Promise<Environment> {
  const { cluster } = heddle;
  const namespace = await cluster.createNamespace(`pods-${injection}`, { "heddle.dev/inject": "enabled" });
  await cluster.apply([
    object("v1", "ServiceAccount", namespace, "web", {}),
    echo(namespace, "web", ["--http", "8080"], 8080, { spec: { serviceAccountName: "web" } }),
    service(namespace, "web", [{ name: "http", port: 80, targetPort: 8080 }]),
  ]);
  await cluster.rolledOut(namespace, "deployment/web");
  return { heddle, cluster, namespace, injection };
}

export async function becomes(
  { cluster, namespace }: Environment,
  pod: string,
  condition: string,
): Promise<void> {
  await cluster.kubectl(["wait", "-n", namespace, `pod/${pod}`, `--for=${condition}`, "--timeout=180s"]);
}

/** The first pod labelled `app: APP`. */
export async function podOf({ cluster, namespace }: Environment, app: string): Promise<Pod> {
  const list = await cluster.kubectl(["get", "pods", "-n", namespace, "-l", `app=${app}`, "-o", "json"]);
  const [pod] = (JSON.parse(list) as { readonly items: readonly Pod[] }).items;
  if (pod === undefined) throw new Error(`there is no pod of ${app}`);
  return pod;
}

/** Waits for an event that says something. */
export async function eventSays({ cluster }: Environment, namespace: string, words: RegExp): Promise<void> {
  await until(
    async () => words.test(await cluster.kubectl(["get", "events", "-n", namespace, "-o", "json"])),
    `an event that says ${words.source}`,
  );
}
