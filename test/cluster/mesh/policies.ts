// Policies and hosts beyond the mesh, as far as a cluster could make a difference: who may read and write their kinds,
// and whose DNS it is. The rest is tested on one machine.
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import type { EndpointLatency } from "#cli/endpoint-latencies.ts";
import type { ObjectStatus } from "#cli/object-status.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import {
  type Answer,
  call,
  deployment,
  echo,
  idle,
  object,
  service,
} from "#test/helpers/cluster-workloads.ts";
import type { Installation } from "#test/helpers/installation.ts";
import { until } from "#test/helpers/wait.ts";

/** A namespace in the mesh, and one outside of it. */
export interface PolicyEnvironment {
  readonly heddle: Installation;
  readonly cluster: Cluster;
  readonly meshed: string;
  readonly outside: string;
}

const istio = "networking.istio.io/v1";
const partner = "api.partner.example";
const http = (targetPort: number) => [{ name: "http", port: 80, targetPort }];
const tcp = [{ name: "tcp-line", port: 2525 }];

function workloads(meshed: string, outside: string): readonly KubernetesObject[] {
  const server = (name: string) => {
    // A port of its own for each policy of the server's.
    const flags = ["--http", "8080", "--http", "8081", "--greet", "2525", "--name", name];
    return echo(meshed, `server-${name}`, flags, 8080, { labels: { group: "server" } });
  };
  const group = (name: string, ports: readonly object[]) =>
    object("v1", "Service", meshed, name, { spec: { selector: { group: "server" }, ports } });
  return [
    server("a"),
    server("b"),
    group("ejecting", http(8080)),
    service(meshed, "limited", http(8081), { app: "server-a" }),
    group("line", tcp),
    service(meshed, "line-b", tcp, { app: "server-b" }),
    echo(outside, "partner", ["--http", "8080", "--name", "partner"], 8080),
    service(outside, "partner", http(8080)),
    deployment(meshed, "caller", idle, {
      // An address that nobody has: the sidecar goes by the host.
      spec: { hostAliases: [{ ip: "198.51.100.10", hostnames: [partner] }] },
    }),
  ];
}

function policies(meshed: string, outside: string): readonly KubernetesObject[] {
  return [
    object(istio, "DestinationRule", meshed, "ejecting", {
      spec: {
        host: "ejecting",
        trafficPolicy: {
          // By latency the pod that fails would get next to nothing anyway.
          loadBalancer: { simple: "ROUND_ROBIN" },
          outlierDetection: {
            consecutive5xxErrors: 2,
            interval: "500ms",
            baseEjectionTime: "60s",
            maxEjectionPercent: 50,
          },
        },
      },
    }),
    object(istio, "ServiceEntry", meshed, "partner", {
      spec: {
        hosts: [partner],
        ports: [{ number: 80, name: "http", protocol: "HTTP" }],
        resolution: "DNS",
        endpoints: [{ address: `partner.${outside}.svc.cluster.local` }],
      },
    }),
    object("heddle.dev/v1alpha1", "RateLimit", meshed, "limited", {
      spec: {
        targetRefs: [{ group: "", kind: "Service", name: "limited" }],
        // A bucket that does not fill again meanwhile.
        limits: [{ requests: 5, unit: "Day" }],
      },
    }),
    object("gateway.networking.k8s.io/v1", "TCPRoute", meshed, "line", {
      spec: {
        parentRefs: [{ group: "", kind: "Service", name: "line", port: 2525 }],
        rules: [{ backendRefs: [{ name: "line-b", port: 2525 }] }],
      },
    }),
  ];
}

/** One test for each kind. */
export function testPolicies(environment: () => PolicyEnvironment): void {
  suite("policies", () => {
    before(async () => {
      const { cluster, meshed, outside } = environment();
      await cluster.apply([...policies(meshed, outside), ...workloads(meshed, outside)]);
      for (const name of ["server-a", "server-b", "caller"])
        await cluster.rolledOut(meshed, `deployment/${name}`);
      await cluster.rolledOut(outside, "deployment/partner");
    });

    const calls = (url: string, ...flags: readonly string[]): Promise<readonly Answer[]> => {
      const { cluster, meshed } = environment();
      return call(cluster, meshed, "deployment/caller", url, ...flags);
    };

    /** What `heddle status` says of it, once it is accepted. */
    const accepted = async (kind: string, name: string): Promise<ObjectStatus> => {
      const { heddle, meshed } = environment();
      let status: ObjectStatus | undefined;
      await until(async () => {
        [status] = await heddle.json<readonly ObjectStatus[]>("status", kind, name, "-n", meshed);
        return (
          status?.conditions.some(({ type, status: is }) => type === "Accepted" && is === "True") === true
        );
      }, `${kind} ${name} to be accepted`);
      assert.ok(status !== undefined);
      return status;
    };

    test("a DestinationRule ejects the pod that fails", async () => {
      await accepted("destinationrule", "ejecting");
      await until(async () => {
        const answers = await calls("http://ejecting/?fails=a", "--count", "20");
        return answers.every(({ status, json }) => status === 200 && json?.name === "b");
      }, "the pod to be ejected");
    });

    test("a ServiceEntry's host is found by the cluster's DNS, and keeps its name", async () => {
      await accepted("serviceentry", "partner");
      for (const answer of await calls(`http://${partner}/`, "--count", "2")) {
        assert.deepEqual([answer.status, answer.json?.name], [200, "partner"], JSON.stringify(answer));
        assert.equal(answer.json?.headers["host"], partner);
      }
    });

    test("a RateLimit lets through what it says", async () => {
      const { proxies } = await accepted("ratelimit", "limited");
      assert.ok(proxies !== null && proxies.all >= 1);
      const statuses = (await calls("http://limited/", "--count", "8")).map(({ status }) => status);
      assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    });

    test("a TCPRoute leads connections to its backend", async () => {
      await accepted("tcproute", "line");
      const answers = await calls("greet://line:2525", "--body", "hello", "--count", "6");
      assert.deepEqual(
        [...new Set(answers.map(({ json }) => json?.greeting))],
        ["220 b ready"],
        JSON.stringify(answers),
      );
    });

    test("proxies balance by latency, and heddle endpoints tells what they know", async () => {
      const { heddle, meshed } = environment();
      const rows = await heddle.json<readonly EndpointLatency[]>("endpoints", "limited", "-n", meshed);
      assert.equal(rows.length, 1);
      assert.ok(
        rows.every(({ client }) => client.startsWith("caller-")),
        JSON.stringify(rows),
      );
      const { stdout } = await heddle.heddle("check");
      assert.match(stdout, /balancing: by latency/);
      assert.doesNotMatch(stdout, /cannot balance by latency/);
    });
  });
}
