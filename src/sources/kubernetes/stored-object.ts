// An object as an API server stores it → what takes effect here, and what is to be said about it.
import type { KubernetesObject } from "#model/object.ts";
import { kindName, type Problem } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import { formatField } from "../schema/field-path.ts";
import type { Finding } from "../schema/finding.ts";
import { apiOf, schemaOf, sharedDefinitions } from "../schema/kinds.ts";
import { checkStructure } from "../schema/structure.ts";
import { checkSupportedFields } from "../schema/supported-fields.ts";
import { prune } from "./prune.ts";

export interface ReadStored {
  /** Undefined if the object must not take effect. */
  readonly object: KubernetesObject | undefined;
  readonly problems: readonly Problem[];
}

/**
 * Reads an object of a kind. The API server has checked its own kinds. Custom ones it has checked with whatever
 * definition was installed, which need not be the one that Heddle was made for.
 */
export function readStored(kind: Kind, apiVersion: string, stored: object): ReadStored {
  const api = apiOf(kind);
  // Items of lists do not say what they are.
  const object = prune(kind, { ...stored, apiVersion, kind: api.kind } as KubernetesObject);
  if (!api.custom) return { object, problems: [] };
  const { status, ...said } = object as KubernetesObject & {
    readonly spec?: unknown;
    readonly status?: unknown;
  };
  const context = { definitions: sharedDefinitions(), quoteValues: true, newerFields: true };
  const findings = [...checkStructure(said, schemaOf(kind), context), ...checkSupportedFields(kind, said)];
  const refused = findings.some(({ severity }) => severity === "error");
  return {
    object: refused ? undefined : { ...said, ...(status === undefined ? {} : { status }) },
    problems: findings.map((finding) => problemOf(object, finding)),
  };
}

function problemOf(object: KubernetesObject, { severity, message, path }: Finding): Problem {
  const { namespace = "", name } = object.metadata;
  return {
    severity,
    message,
    object: { kind: kindName(object), namespace, name },
    field: formatField(path),
  };
}
