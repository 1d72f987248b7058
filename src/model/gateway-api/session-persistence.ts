/** Experimental. https://gateway-api.sigs.k8s.io/reference/spec/#sessionpersistence */
export interface SessionPersistence {
  readonly sessionName?: string;
  /** A duration such as `1h30m`. */
  readonly absoluteTimeout?: string;
  /** `Cookie` by default. */
  readonly type?: "Cookie" | "Header";
  readonly cookieConfig?: {
    /** `Session` by default; `Permanent` needs `absoluteTimeout`. */
    readonly lifetimeType?: "Session" | "Permanent";
  };
}
