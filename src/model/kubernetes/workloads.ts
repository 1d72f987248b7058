import type { KubernetesObject, LabelSelector, ObjectMeta } from "../object.ts";
import type { PodSpec } from "./pod.ts";

export interface PodTemplate {
  readonly metadata?: Omit<ObjectMeta, "name"> & { readonly name?: string };
  readonly spec: PodSpec;
}

export interface Deployment extends KubernetesObject {
  readonly kind: "Deployment";
  readonly spec: {
    readonly replicas?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
  };
}

export interface StatefulSet extends KubernetesObject {
  readonly kind: "StatefulSet";
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
  };
}

export interface Job extends KubernetesObject {
  readonly kind: "Job";
  readonly spec: { readonly backoffLimit?: number; readonly template: PodTemplate };
}
