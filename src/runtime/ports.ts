/** The ports of the control plane. */

/** xDS and OTLP for proxies: gRPC over TLS, a token on every stream. */
export const xdsPort = 15010;
/** Questions of other replicas: HTTPS with certificates of both sides. */
export const replicasPort = 15012;
/** `/metrics`, `/ready` and `/live` for Prometheus and the kubelet: plain HTTP. */
export const metricsPort = 15014;
/** Admission webhooks: HTTPS for the API server. */
export const webhookPort = 15017;
/** What commands ask, on loopback alone: they come through `port-forward`, which Kubernetes authorises. */
export const apiPort = 15019;
