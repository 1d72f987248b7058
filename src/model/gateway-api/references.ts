/** What a route is attached to. https://gateway-api.sigs.k8s.io/reference/spec/#parentreference */
export interface ParentReference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  /** A listener of a Gateway, or a port of a Service by its name. */
  readonly sectionName?: string;
  readonly port?: number;
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#backendref */
export interface BackendReference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly port?: number;
  readonly weight?: number;
}

/** Whether what is referred to is a Service (GAMMA), or a ServiceEntry, which defines services as well. */
export function isServiceParent({ kind, group = gatewayApiGroup }: ParentReference): boolean {
  return (kind === "Service" && group === "") || (kind === "ServiceEntry" && group === istioGroup);
}

/** Whether a parent is a Gateway. */
export function isGatewayParent(parent: ParentReference): boolean {
  return (parent.kind ?? "Gateway") === "Gateway" && (parent.group ?? gatewayApiGroup) === gatewayApiGroup;
}

/** The key of the object that a parent of a route of `namespace` names. */
export function parentKey(parent: ParentReference, namespace: string): string {
  return `${parent.namespace ?? namespace}/${parent.name}`;
}

/** The object that a parent of a route names, with its kind: `Service shop/web`. */
export function parentObject(parent: ParentReference, namespace: string): string {
  return `${parent.kind ?? "Gateway"} ${parentKey(parent, namespace)}`;
}

export const gatewayApiGroup = "gateway.networking.k8s.io";
export const istioGroup = "networking.istio.io";
