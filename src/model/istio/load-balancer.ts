/** https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings */
export interface IstioLoadBalancer {
  readonly simple?: "UNSPECIFIED" | "ROUND_ROBIN" | "RANDOM" | "LEAST_REQUEST" | "LEAST_CONN" | "PASSTHROUGH";
  readonly consistentHash?: ConsistentHash;
  readonly localityLbSetting?: LocalityLoadBalancing;
  readonly zoneAwareLbSetting?: ZoneAwareLoadBalancing;
  /** Deprecated: `warmup.duration`. */
  readonly warmupDurationSecs?: string;
  readonly warmup?: {
    readonly duration: string;
    /** 10 by default. */
    readonly minimumPercent?: number;
    /** 1 by default: linear. */
    readonly aggression?: number;
  };
}

/** One of what is hashed, and one of the algorithms. */
export interface ConsistentHash {
  readonly httpHeaderName?: string;
  readonly httpCookie?: {
    readonly name: string;
    readonly path?: string;
    /** Where it is there, the proxy makes the cookie. */
    readonly ttl?: string;
    readonly attributes?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly useSourceIp?: boolean;
  readonly httpQueryParameterName?: string;
  readonly ringHash?: { readonly minimumRingSize?: number };
  readonly maglev?: { readonly tableSize?: number };
  /** Deprecated: `ringHash.minimumRingSize`. */
  readonly minimumRingSize?: number;
}

/** Only one of `distribute`, `failover` and `failoverPriority` may be there. */
export interface LocalityLoadBalancing {
  readonly distribute?: readonly {
    /** `region/zone/subzone`, with `*` for any. */
    readonly from?: string;
    /** Locality to percent. */
    readonly to?: Readonly<Record<string, number>>;
  }[];
  readonly failover?: readonly RegionFailover[];
  /** Labels, by which endpoints are the nearer the more of the first ones they share with the client. */
  readonly failoverPriority?: readonly string[];
  /** True by default. */
  readonly enabled?: boolean;
}

export interface ZoneAwareLoadBalancing {
  readonly enabled?: boolean;
  readonly failover?: readonly RegionFailover[];
  readonly failoverPriority?: readonly string[];
  readonly minClusterSize?: number;
}

export interface RegionFailover {
  readonly from?: string;
  readonly to?: string;
}
