import type { KubernetesObject } from "../object.ts";

export interface Namespace extends KubernetesObject {
  readonly kind: "Namespace";
}

export interface ServiceAccount extends KubernetesObject {
  readonly kind: "ServiceAccount";
}

export interface ConfigMap extends KubernetesObject {
  readonly kind: "ConfigMap";
  readonly data?: Readonly<Record<string, string>>;
  /** base64 */
  readonly binaryData?: Readonly<Record<string, string>>;
}

export interface Secret extends KubernetesObject {
  readonly kind: "Secret";
  readonly type?: string;
  /** base64 */
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}
