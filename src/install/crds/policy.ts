// What the policies of heddle.dev have in common: they are attached to targets, and say what became of that, as the
// policies of the Gateway API do. https://gateway-api.sigs.k8s.io/geps/gep-713/
import { clusterMeta, type Manifest } from "../object.ts";
import { atomicList, type OpenApiSchema } from "./openapi.ts";

/** A kind of policy. */
export interface PolicyDefinition {
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  readonly description: string;
  readonly spec: OpenApiSchema;
}

const heddleGroup = "heddle.dev";

const name: OpenApiSchema = { type: "string", minLength: 1, maxLength: 253 };

/** The `spec.targetRefs` of a policy for some kinds, each as group and kind. */
export function targetReferences(
  description: string,
  targets: readonly { readonly group: string; readonly kind: string }[],
): OpenApiSchema {
  const allowed = targets.map(({ group, kind }) => `(self.group == '${group}' && self.kind == '${kind}')`);
  const kinds = targets.map(({ group, kind }) => (group === "" ? kind : `${kind} of ${group}`));
  const target: OpenApiSchema = {
    type: "object",
    description: "An object in the namespace of this one.",
    required: ["group", "kind", "name"],
    properties: {
      group: {
        type: "string",
        enum: [...new Set(targets.map(({ group }) => group))],
        description: 'The API group of the target; "" for a Service.',
      },
      kind: {
        type: "string",
        enum: [...new Set(targets.map(({ kind }) => kind))],
        description: "The kind of the target.",
      },
      name: { ...name, description: "The name of the target." },
      sectionName: {
        ...name,
        description:
          "A part of the target by its name: a port of a Service, a rule of a route, a listener of a Gateway or a server of one of Istio's. The whole target by default.",
      },
    },
    "x-kubernetes-validations": [
      { rule: allowed.join(" || "), message: `the target must be a ${kinds.join(", ")}` },
    ],
  };
  return atomicList(description, target, { minItems: 1, maxItems: 16 });
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/ (`metav1.Condition`) */
const conditions: OpenApiSchema = {
  type: "array",
  description: "What this controller says of the policy at this target.",
  maxItems: 8,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["lastTransitionTime", "message", "reason", "status", "type"],
    properties: {
      type: { type: "string", maxLength: 316, description: "Accepted, for one." },
      status: { type: "string", enum: ["True", "False", "Unknown"] },
      reason: { type: "string", minLength: 1, maxLength: 1024, description: "One word in CamelCase." },
      message: { type: "string", maxLength: 32_768 },
      observedGeneration: {
        type: "integer",
        format: "int64",
        minimum: 0,
        description: "The metadata.generation that the condition is about.",
      },
      lastTransitionTime: { type: "string", format: "date-time" },
    },
  },
};

const status: OpenApiSchema = {
  type: "object",
  description: "What became of the policy.",
  required: ["ancestors"],
  properties: {
    ancestors: atomicList(
      "One for each target, and for each controller that speaks of it.",
      {
        type: "object",
        required: ["ancestorRef", "controllerName"],
        properties: {
          ancestorRef: {
            type: "object",
            description: "The target.",
            required: ["name"],
            properties: {
              group: { type: "string", maxLength: 253 },
              kind: { type: "string", maxLength: 63 },
              namespace: { type: "string", maxLength: 63 },
              name,
              sectionName: name,
              port: { type: "integer", format: "int32", minimum: 1, maximum: 65_535 },
            },
          },
          controllerName: { ...name, description: "Who says it." },
          conditions,
        },
      },
      { maxItems: 16 },
    ),
  },
};

/** The CustomResourceDefinition of a policy. */
export function policyDefinition(policy: PolicyDefinition, version: string): Manifest {
  const { kind, singular, plural, description, spec } = policy;
  const column = (title: string, jsonPath: string, type = "string") => ({ name: title, type, jsonPath });
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      ...clusterMeta(`${plural}.${heddleGroup}`, version),
      // Helm would delete the users' policies with their definition.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group: heddleGroup,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, singular, plural, categories: ["heddle"] },
      versions: [
        {
          name: "v1alpha1",
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column("Target", ".spec.targetRefs[*].name"),
            column("Accepted", '.status.ancestors[*].conditions[?(@.type=="Accepted")].status'),
            column("Age", ".metadata.creationTimestamp", "date"),
          ],
          schema: {
            openAPIV3Schema: {
              type: "object",
              description,
              required: ["spec"],
              properties: {
                apiVersion: { type: "string" },
                kind: { type: "string" },
                metadata: { type: "object" },
                spec,
                status,
              },
            },
          },
        },
      ],
    },
  };
}
