// The first request to a service that a pod has never used, beside the next one.
import { deployment, idle, namespace, server, service } from "./local-mesh/fixture.ts";
import { type LocalMesh, startMesh, until } from "./local-mesh/mesh.ts";
import type { Answer } from "./local-mesh/one-by-one.ts";
import type { Benchmark } from "./report.ts";
import { median } from "./statistics.ts";

const space = "bench";
const servicesPerRun = 20;
const unused = "first request to an unused service − the next one";
const learned = "the same in a new pod of a workload that used it";

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: unused, unit: "ms", atMost: 20 },
    // A new pod opens its first connection to the server, with a TLS handshake; nothing else may differ.
    { name: learned, unit: "ms", atMost: 5 },
  ],
  run: async (record, runs) => {
    for (let run = 0; run < runs; run++) {
      const mesh = await startMesh(objects(""));
      try {
        record(unused, await firstMinusNext(mesh));
        const { name } = await mesh.pod(space, "client");
        mesh.write("mesh.yaml", objects("again"));
        await until(async () => {
          const pod = await mesh.pod(space, "client").catch(() => undefined);
          return pod !== undefined && pod.name !== name;
        }, "the new pod of the client");
        record(learned, await firstMinusNext(mesh));
      } finally {
        await mesh.close();
      }
    }
  },
};

function objects(note: string) {
  return [
    namespace(space, true),
    deployment(space, "server", [server]),
    deployment(space, "client", [idle], note),
    service(space, "warm", "server"),
    ...Array.from({ length: servicesPerRun }, (_none, index) => service(space, `service-${index}`, "server")),
  ];
}

/** The median over all services, in one pod. */
async function firstMinusNext(mesh: LocalMesh): Promise<number> {
  const urls = Array.from({ length: servicesPerRun }, (_none, index) => `http://service-${index}/`);
  // The program that sends warms up on a service of its own.
  const warm = Array.from({ length: 20 }, () => "http://warm/");
  const answers = await mesh.runIn<readonly Answer[]>(space, "client", "one-by-one.ts", [
    ...warm,
    ...urls.flatMap((url) => [url, url]),
  ]);
  const bad = answers.find(({ status }) => status !== 200);
  if (bad !== undefined) throw new Error(`a request was answered with ${bad.status}`);
  const counted = answers.slice(warm.length);
  return median(urls.map((_url, index) => (counted[2 * index]?.ms ?? 0) - (counted[2 * index + 1]?.ms ?? 0)));
}
