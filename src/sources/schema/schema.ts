/** What a field may hold: the part of the OpenAPI schemas of Kubernetes and of custom resources that is checked here. */
export interface Schema {
  /** The name of a shared definition; then nothing else is set. */
  readonly ref?: string;
  readonly type?:
    | "object"
    | "array"
    | "string"
    | "integer"
    | "number"
    | "boolean"
    | "int-or-string"
    | "quantity";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Sets of fields of which at most one may be present. */
  readonly exclusive?: readonly (readonly string[])[];
  readonly items?: Schema;
  /** What the values of a map hold. */
  readonly values?: Schema;
  /** Fields without a schema are allowed. */
  readonly open?: boolean;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A kind of an API: its versions, the one to use first. */
export interface KindDescription {
  readonly versions: readonly string[];
  readonly namespaced: boolean;
  /** What URLs call its objects. */
  readonly plural: string;
}
