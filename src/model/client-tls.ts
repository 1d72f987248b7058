/** How a client's proxy opens a connection. */
export type ClientTls =
  /** In plaintext, also to endpoints in the mesh. */
  | { readonly kind: "none" }
  /** By the mesh's mutual TLS, also where an endpoint does not seem to be in the mesh: plaintext is no way out. */
  | { readonly kind: "mesh"; readonly sni?: string; readonly subjectAltNames?: readonly string[] }
  | { readonly kind: "origination"; readonly to: TlsOrigination };

/** TLS to servers with certificates of their own. */
export interface TlsOrigination {
  /** Undefined: the host of the request. */
  readonly sni?: string;
  /** One of which the server's certificate must have; undefined: the host of the request. */
  readonly subjectAltNames?: readonly string[];
  readonly roots: TlsRoots;
  /** A file of revoked certificates, PEM. */
  readonly revoked?: string;
  /** The client's own, where the server asks for it. */
  readonly certificate?: TlsCertificate;
}

/** Which authorities may have issued a server's certificate. Files are the proxy's container's. */
export type TlsRoots =
  /** Those that the proxy's image trusts. */
  | { readonly kind: "system" }
  | { readonly kind: "file"; readonly path: string }
  /** In the client's namespace. */
  | { readonly kind: "secret"; readonly name: string }
  /** Any, even none: the server may be anybody. */
  | { readonly kind: "unverified" };

export type TlsCertificate =
  | { readonly kind: "files"; readonly chain: string; readonly key: string }
  | { readonly kind: "secret"; readonly name: string };
