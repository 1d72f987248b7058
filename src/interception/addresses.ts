/** The ports and the user of the proxy, as Istio has them, so that its tools and documents hold. */
export const outboundPort = 15001;
export const inboundPort = 15006;
export const healthPort = 15021;
export const adminPort = 15000;
export const proxyUid = 1337;

/**
 * The source address of the proxy's connections to the application of its own pod: it exempts them from capture.
 * Inbound and probe clusters bind to it.
 */
export const inboundSourceAddress = "127.0.0.6";
