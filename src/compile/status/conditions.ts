import type { KubernetesObject } from "#model/object.ts";
import type { Condition, DesiredStatus } from "#model/status.ts";

/** A condition but for the times. */
export type Verdict = Pick<Condition, "type" | "status" | "reason" | "message">;

/** What conditions of one object are made with. */
export interface ConditionContext {
  readonly generation: number | undefined;
  readonly now: () => Date;
}

/** It is so. */
export function holds(type: string, reason: string, message: string): Verdict {
  return { type, status: "True", reason, message };
}

/** It is not so. */
export function fails(type: string, reason: string, message: string): Verdict {
  return { type, status: "False", reason, message };
}

/** The conditions for some verdicts. Where a condition's status is what it was, so is the time of its transition. */
export function conditionsOf(
  verdicts: readonly Verdict[],
  present: readonly Condition[] | undefined,
  { generation, now }: ConditionContext,
): readonly Condition[] {
  return verdicts.map(({ type, status, reason, message }) => {
    const before = present?.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason,
      message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime:
        before?.status === status
          ? before.lastTransitionTime
          : now()
              .toISOString()
              .replace(/\.\d+Z$/, "Z"),
    };
  });
}

/** What must be written so that an object has a status; undefined where it has it. */
export function unlessPresent(
  object: KubernetesObject & { readonly status?: object },
  status: Readonly<Record<string, unknown>>,
): DesiredStatus | undefined {
  if (says(object.status, status)) return undefined;
  const { apiVersion, kind, metadata } = object;
  const { namespace, name } = metadata;
  return {
    object: { apiVersion, kind, metadata: { ...(namespace === undefined ? {} : { namespace }), name } },
    status,
  };
}

/** Whether what is there says all that it should. It may have more fields, and conditions of others. */
function says(present: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) return Array.isArray(present) && listSays(present, desired);
  if (typeof desired !== "object" || desired === null) return present === desired;
  const fields: Readonly<Record<string, unknown>> = { ...(present as object | undefined) };
  return Object.entries(desired).every(([name, value]) => says(fields[name], value));
}

function listSays(present: readonly unknown[], desired: readonly unknown[]): boolean {
  if (desired.length > 0 && desired.every(isCondition)) {
    const conditions = present.filter(isCondition);
    return desired.every((item) =>
      says(
        conditions.find(({ type }) => type === item.type),
        item,
      ),
    );
  }
  return present.length === desired.length && desired.every((item, index) => says(present[index], item));
}

function isCondition(item: unknown): item is Condition {
  return typeof item === "object" && item !== null && "type" in item && "reason" in item;
}
