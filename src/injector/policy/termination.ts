/** `delayTermination` in CEL. */
import { defaultGraceSeconds, terminationDelayAnnotation } from "../termination.ts";
import type { Variable } from "./cel.ts";
import { annotation } from "./variables.ts";

/** `terminationDelay`: the seconds of a pod, 0 for none. */
export function terminationVariables(defaultSeconds: number): readonly Variable[] {
  const wished = `int(${annotation(terminationDelayAnnotation)}.orValue("${defaultSeconds}"))`;
  const longest = `object.spec.?terminationGracePeriodSeconds.orValue(${defaultGraceSeconds}) - 1`;
  const endsByItself = 'object.spec.?restartPolicy.orValue("Always") != "Always"';
  return [{ name: "terminationDelay", expression: `${endsByItself} ? 0 : [${wished}, ${longest}].min()` }];
}

/** The operations of a JSON Patch. */
export function terminationPatch(): string {
  const sleep = '{"sleep": {"seconds": variables.terminationDelay}}';
  const add = (condition: string, path: string, value: string) =>
    `object.spec.containers.transformList(i, c, ${condition}, ` +
    `JSONPatch{op: "add", path: "/spec/containers/" + string(i) + "${path}", value: ${value}})`;
  const patch = [
    add("!has(c.lifecycle)", "/lifecycle", `{"preStop": ${sleep}}`),
    add("has(c.lifecycle) && !has(c.lifecycle.preStop)", "/lifecycle/preStop", sleep),
  ].join(" + ");
  return `variables.terminationDelay > 0 ? ${patch} : []`;
}
