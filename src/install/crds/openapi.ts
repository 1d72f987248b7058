/** The part of OpenAPI v3 that the definitions here use: a structural schema. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema */
export interface OpenApiSchema {
  readonly type: "object" | "array" | "string" | "integer";
  readonly description?: string;
  readonly format?: "int32" | "int64" | "date-time";
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly required?: readonly string[];
  readonly items?: OpenApiSchema;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message: string }[];
  readonly "x-kubernetes-list-type"?: "atomic" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
}

/** A duration of the Gateway API: `100ms`, `1m30s`. */
export const durationPattern = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/** A list that is written as a whole. */
export function atomicList(
  description: string,
  items: OpenApiSchema,
  size: Pick<OpenApiSchema, "minItems" | "maxItems">,
): OpenApiSchema {
  return { type: "array", description, items, ...size, "x-kubernetes-list-type": "atomic" };
}

/** A status that a proxy answers with in place of the service. */
export function errorStatus(description: string): OpenApiSchema {
  return { type: "integer", format: "int32", minimum: 400, maximum: 599, description };
}
