// Where a VirtualService sends copies of requests.
import type { Mirror } from "../route.ts";
import type { ResolveDestination } from "./resolve-destination.ts";
import type { IstioDestination, IstioHttpRoute } from "./virtual-service.ts";

/**
 * API type → domain type; all requests are copied where nothing else is said.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMirrorPolicy
 */
export function mirrorsOf(
  http: IstioHttpRoute,
  namespace: string,
  resolve: ResolveDestination,
): readonly Mirror[] {
  const to = (destination: IstioDestination, percentage: number): Mirror => ({
    service: resolve(destination, namespace),
    ...(destination.subset === undefined ? {} : { subset: destination.subset }),
    percentage,
  });
  const { mirrorPercentage, mirrorPercent, mirror_percent: older } = http;
  const single =
    mirrorPercentage === undefined ? (mirrorPercent ?? older ?? 100) : (mirrorPercentage.value ?? 0);
  return [
    ...(http.mirror === undefined ? [] : [to(http.mirror, single)]),
    ...(http.mirrors ?? []).map(({ destination, percentage }) =>
      to(destination, percentage === undefined ? 100 : (percentage.value ?? 0)),
    ),
  ].filter(({ percentage }) => percentage > 0);
}
