// How long Heddle takes to come into a cluster.
import { withCluster } from "./cluster/cluster.ts";
import type { Benchmark } from "./report.ts";

const figure = "`heddle install` until all is ready";

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [{ name: figure, unit: "s" }],
  run: (record, runs) =>
    withCluster(async (cluster) => {
      for (let run = 0; run < runs; run++) {
        record(figure, (await cluster.install()) / 1000);
        await cluster.uninstall();
      }
    }),
};
