import { styleText } from "node:util";
import type { ObjectStatus, StatusCondition } from "./object-status.ts";

export const statusHeaders = ["KIND", "NAMESPACE", "NAME", "STATUS", "PROXIES"];

/** One line: the first condition that does not hold, or those that do. */
export function statusRow({ object, conditions, proxies }: ObjectStatus): readonly string[] {
  const bad = conditions.filter(isBad);
  const held = [...new Set(conditions.filter(({ status }) => status === "True").map(({ type }) => type))];
  const text =
    bad[0] === undefined
      ? held.length === 0
        ? "-"
        : styleText("green", held.join(","))
      : styleText("red", `${bad[0].type}: ${bad[0].reason}`);
  return [object.kind, object.namespace, object.name, text, proxiesText(proxies)];
}

/** Everything that is known of one object. */
export function statusDetail({ object, conditions, proxies }: ObjectStatus): string {
  const lines = conditions.map((condition) => {
    const of = condition.of === undefined ? "" : `${condition.of}: `;
    const mark = isBad(condition) ? styleText("red", "✗") : styleText("green", "✓");
    return `  ${mark} ${of}${condition.type} ${condition.status} (${condition.reason}) ${condition.message}`.trimEnd();
  });
  const status = lines.length === 0 ? ["  no status has been written"] : lines;
  return [
    `${object.kind} ${object.namespace}/${object.name}`,
    ...status,
    `  proxies that have it: ${proxiesText(proxies)}`,
    "",
  ].join("\n");
}

/** These say that something is wrong when they hold. https://gateway-api.sigs.k8s.io/geps/gep-1364/ */
const negative = new Set(["Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"]);

function isBad({ type, status }: StatusCondition): boolean {
  return negative.has(type) ? status === "True" : status !== "True";
}

function proxiesText(proxies: ObjectStatus["proxies"]): string {
  return proxies === null ? "-" : `${proxies.acknowledged}/${proxies.all}`;
}
