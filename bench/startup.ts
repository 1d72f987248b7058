// How long the example takes from `heddle up` to all ready.
import { join } from "node:path";
import { startMeshFrom } from "./local-mesh/mesh.ts";
import type { Benchmark } from "./report.ts";

const example = join(import.meta.dirname, "..", "examples", "bookstore");
const figure = "`heddle up examples/bookstore` to all ready, warm";

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [{ name: figure, unit: "s", atMost: 10 }],
  run: async (record, runs) => {
    // The first one fills caches and is not counted.
    for (let run = 0; run <= runs; run++) {
      const mesh = await startMeshFrom(example);
      if (run > 0) record(figure, mesh.startedInMs / 1000);
      await mesh.close();
    }
  },
};
