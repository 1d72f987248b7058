/** The namespaces whose clients may know an object. */
export type Visibility =
  | { readonly kind: "all" }
  | { readonly kind: "namespaces"; readonly names: readonly string[] };

const visibleToAll: Visibility = { kind: "all" };

/**
 * Istio's `exportTo`: `.` is the object's own namespace, `*` every one, `~` none; nothing is all.
 * https://istio.io/latest/docs/reference/config/networking/service-entry/#ServiceEntry-export_to
 */
export function visibility(exportTo: readonly string[] | undefined, namespace: string): Visibility {
  if (exportTo === undefined || exportTo.length === 0 || exportTo.includes("*")) return visibleToAll;
  const names = exportTo.filter((name) => name !== "~").map((name) => (name === "." ? namespace : name));
  return { kind: "namespaces", names: [...new Set(names)].sort() };
}

/** The visibility of an object by its `exportTo`. */
export function visibilityOf({
  metadata,
  spec,
}: {
  readonly metadata: { readonly namespace?: string };
  readonly spec: { readonly exportTo?: readonly string[] };
}): Visibility {
  return visibility(spec.exportTo, metadata.namespace ?? "default");
}

/** Whether clients of a namespace may know what has that visibility. */
export function isVisible(to: Visibility, namespace: string): boolean {
  return to.kind === "all" || to.names.includes(namespace);
}

/** Whether all clients that may know an object of the one visibility may know one of the other. */
export function isWithinVisibility(narrow: Visibility, wide: Visibility): boolean {
  if (wide.kind === "all") return true;
  return narrow.kind === "namespaces" && narrow.names.every((name) => wide.names.includes(name));
}
