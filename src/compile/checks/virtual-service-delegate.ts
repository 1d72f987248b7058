// A VirtualService without hosts: others delegate to it.
import type { Fetch } from "#collections/graph.ts";
import { delegated, delegateKeys } from "#model/istio/delegates.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** Whether somebody delegates to it, and whether each of its routes lies inside of what is delegated. */
export function checkDelegate(
  delegate: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const key = objectKey({ namespace: "default", ...delegate.metadata });
  const roots = fetch.by(inputs.routing.virtualServicesByDelegate, key);
  if (roots.length === 0) {
    const message =
      "hosts is missing, and no VirtualService delegates to this one; name the services that it is for";
    return [error("spec.hosts", message, "NoMatchingParent")];
  }
  const gateways = delegate.spec.gateways ?? [];
  return [
    ...(gateways.length === 0
      ? []
      : [
          error(
            "spec.gateways",
            "a delegate has the gateways of those that delegate to it; remove them here",
            "UnsupportedValue",
          ),
        ]),
    ...roots.flatMap((root) => outsideOf(root, key, delegate)),
  ];
}

function outsideOf(root: VirtualService, key: string, delegate: VirtualService): readonly CheckFinding[] {
  const places = (root.spec.http ?? []).filter((http) =>
    delegateKeys({ ...root, spec: { http: [http] } }).includes(key),
  );
  return (delegate.spec.http ?? []).flatMap((http, index) =>
    places.every((place) => delegated(place, http) === undefined)
      ? [
          warning(
            `spec.http[${index}].match`,
            `has no effect: it lies outside of what VirtualService ${objectKey(root.metadata)} delegates; make the conditions fit`,
          ),
        ]
      : [],
  );
}
