// What the rules of a VirtualService, and others for the same host, leave to the later ones.
import { gatewayKey } from "#model/istio/gateway-names.ts";
import { takesEverything } from "#model/istio/route-matches.ts";
import type { IstioHttpRoute, VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, warning } from "../finding.ts";

/**
 * What those say to a VirtualService that are older and for the same host in the same place: `gateway` is `mesh`, or the
 * key of a gateway.
 */
export function besideOlder(
  virtualService: VirtualService,
  older: readonly VirtualService[],
  host: string,
  gateway: string,
  field: string,
): readonly CheckFinding[] {
  const rivals = older.filter(({ spec }) => (spec.http ?? []).length > 0);
  const first = rivals[0];
  if (first === undefined || (virtualService.spec.http ?? []).length === 0) return [];
  const last = rivals.find((rival) => lastRule(rival, gateway) !== -1);
  const own = lastRule(virtualService, gateway);
  if (last !== undefined && own === 0) {
    const message = `has no effect on ${host}: VirtualService ${objectKey(last.metadata)} is older and takes every request; put both into one`;
    return [warning(field, message, "Conflicted")];
  }
  const message =
    last !== undefined && own > 0
      ? `has no effect on ${host} from spec.http[${own}] on: VirtualService ${objectKey(last.metadata)} is older and takes every request that is left`
      : `its routes for ${host} are tried after those of VirtualService ${objectKey(first.metadata)}, which is older`;
  return [warning(field, message)];
}

/** Rules that no request gets to, because one before them takes every request; but for one that only says it again. */
export function checkUnreached({ spec }: VirtualService): readonly CheckFinding[] {
  const rules = spec.http ?? [];
  const last = rules.findIndex((rule) => isForAll(rule, () => false));
  return rules.flatMap(({ match = [], route }, index) => {
    const isAgain = match.length === 0 && JSON.stringify(route) === JSON.stringify(rules[last]?.route);
    if (last === -1 || index <= last || isAgain) return [];
    const message = `no request gets here, for spec.http[${last}] takes every one; put that last`;
    return [warning(`spec.http[${index}]`, message)];
  });
}

/** Which rule of a VirtualService is the first that takes every request in a place; -1: none. */
function lastRule({ metadata, spec }: VirtualService, gateway: string): number {
  const { namespace = "default" } = metadata;
  return (spec.http ?? []).findIndex((rule) =>
    isForAll(rule, (name) => gatewayKey(name, namespace) === gateway),
  );
}

function isForAll({ match = [] }: IstioHttpRoute, isHere: (gateway: string) => boolean): boolean {
  return (
    match.length === 0 ||
    match.some((each) => {
      const { gateways = [] } = each;
      return (gateways.length === 0 || gateways.some(isHere)) && takesEverything(each);
    })
  );
}
