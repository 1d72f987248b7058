import type { Metadata } from "@grpc/grpc-js";

/** Who asks, or why nobody is let in. `id` names the proxy in statuses, such as `pod.namespace`. */
export type Authentication<Client> =
  | { readonly client: Client; readonly id: string }
  /** With `again`, the caller is told to come again soon. */
  | { readonly refused: string; readonly again?: true };

/** Decides by the metadata of a call, never by what the proxy says of itself in its node. */
export type Authenticate<Client> = (metadata: Metadata) => Promise<Authentication<Client>>;

/** The token of `authorization: Bearer …`; `undefined` if there is none, or more than one. */
export function bearerToken(metadata: Metadata): string | undefined {
  const [value, ...others] = metadata.get("authorization");
  if (typeof value !== "string" || others.length > 0) return undefined;
  return /^bearer +([^\s,]+)$/i.exec(value)?.[1];
}
