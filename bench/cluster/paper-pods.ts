// Pods that no kubelet knows: objects with the status that a kubelet would write, selected by Services.
import type { KubernetesClient } from "#kubernetes/client.ts";
import { idlePod } from "./pod-start.ts";

const services = 25;

/** Pods of one namespace, oldest first. */
export class PaperPods {
  readonly #client: KubernetesClient;
  readonly #namespace: string;
  readonly #names: string[] = [];
  #made = 0;

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** The Services; each selects every 25th pod. */
  async prepare(): Promise<void> {
    for (let number = 0; number < services; number++) {
      const app = `app-${number}`;
      const spec = { selector: { app }, ports: [{ name: "http", port: 80, targetPort: 8080 }] };
      await this.#client.request("POST", this.#path("services"), {
        body: { apiVersion: "v1", kind: "Service", metadata: { name: app }, spec },
      });
    }
  }

  async create(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#create(this.#made++)));
  }

  /** Removes the oldest. */
  async remove(count: number): Promise<void> {
    const names = this.#names.splice(0, count);
    await Promise.all(
      names.map((name) =>
        this.#client.request("DELETE", `${this.#path("pods")}/${name}`, { body: { gracePeriodSeconds: 0 } }),
      ),
    );
  }

  async #create(number: number): Promise<void> {
    const name = `pod-${number}`;
    const app = `app-${number % services}`;
    const pod = idlePod(name);
    const ports = [{ containerPort: 8080 }];
    const containers = pod.spec.containers.map((container) => ({ ...container, ports }));
    await this.#client.request("POST", this.#path("pods"), {
      body: {
        ...pod,
        metadata: { name, labels: { app } },
        // Nobody schedules it, so that no kubelet and no controller of nodes takes it away.
        spec: { ...pod.spec, containers, schedulerName: "nobody" },
      },
    });
    const address = `10.9.${(number >> 8) & 255}.${number & 255}`;
    await this.#client.request("PATCH", `${this.#path("pods")}/${name}/status`, {
      contentType: "application/merge-patch+json",
      body: {
        status: {
          phase: "Running",
          podIP: address,
          podIPs: [{ ip: address }],
          conditions: [{ type: "Ready", status: "True", lastTransitionTime: new Date().toISOString() }],
        },
      },
    });
    this.#names.push(name);
  }

  #path(kind: string): string {
    return `/api/v1/namespaces/${this.#namespace}/${kind}`;
  }
}
