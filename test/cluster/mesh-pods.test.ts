// Pods as applications have them, in the mesh of a real cluster: the same table with both ways of injection.
import { after, before, describe } from "node:test";
import { injectionModes } from "#install/settings.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { type Environment, makeEnvironment } from "./mesh/environment.ts";
import { makeProbed, testProbes } from "./mesh/probed.ts";
import { testRefusals } from "./mesh/refused.ts";
import { makeShapes, testShapes } from "./mesh/shapes.ts";

let heddle: Installation;

before(async () => {
  heddle = await startInstallation();
});
after(() => heddle.leave());

for (const injection of injectionModes) {
  // Each has pods of its own, and waits most of the time.
  describe(`pods, injected by ${injection}`, { concurrency: 4 }, () => {
    let made: Environment;
    const environment = (): Environment => made;
    before(async () => {
      await heddle.install(`--injection=${injection}`);
      made = await makeEnvironment(heddle, injection);
      await makeShapes(made);
      await makeProbed(made);
    });
    after(() => made.cluster.deleteNamespace(made.namespace));
    testShapes(environment);
    testProbes(environment);
    testRefusals(environment);
  });
}
