import type { VirtualService } from "./virtual-service.ts";

/** The word for the sidecars, in the place of a gateway's name. */
export const meshGateway = "mesh";

/** `namespace/name` of a gateway that an object of `namespace` names; `mesh` stays what it is. */
export function gatewayKey(name: string, namespace: string): string {
  return name === meshGateway || name.includes("/") ? name : `${namespace}/${name}`;
}

/** The gateways that a VirtualService is for, by their keys; `mesh` alone where it names none. */
export function gatewaysOf({ metadata, spec }: VirtualService): readonly string[] {
  const { gateways = [] } = spec;
  const { namespace = "default" } = metadata;
  return gateways.length === 0 ? [meshGateway] : gateways.map((name) => gatewayKey(name, namespace));
}

/** Whether a VirtualService is for the sidecars. */
export function isForMesh(virtualService: VirtualService): boolean {
  return gatewaysOf(virtualService).includes(meshGateway);
}
