// What other VirtualServices for the same host leave to one.
import { gatewayKey } from "#model/istio/gateway-names.ts";
import { takesEverything } from "#model/istio/route-matches.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, warning } from "./finding.ts";

/**
 * What those say to a VirtualService that are older and for the same host in the same place: `gateway` is `mesh`, or the
 * key of a gateway.
 */
export function besideOlder(
  older: readonly VirtualService[],
  host: string,
  gateway: string,
  field: string,
): readonly CheckFinding[] {
  const rivals = older.filter(({ spec }) => (spec.http ?? []).length > 0);
  const last = rivals.find((rival) => leavesNothing(rival, gateway));
  if (last !== undefined) {
    const message = `has no effect on ${host}: VirtualService ${objectKey(last.metadata)} is older and takes every request; put both into one`;
    return [warning(field, message, "Conflicted")];
  }
  const first = rivals[0];
  if (first === undefined) return [];
  const message = `its routes for ${host} are tried after those of VirtualService ${objectKey(first.metadata)}, which is older`;
  return [warning(field, message)];
}

function leavesNothing({ metadata, spec }: VirtualService, gateway: string): boolean {
  const { namespace = "default" } = metadata;
  const isHere = (names: readonly string[] = []) =>
    names.length === 0 || names.some((name) => gatewayKey(name, namespace) === gateway);
  return (spec.http ?? []).some(
    ({ match = [] }) =>
      match.length === 0 || match.some((each) => isHere(each.gateways) && takesEverything(each)),
  );
}
