/** The names of the objects by which Heddle runs on a cluster. */
export const systemNamespace = "heddle-system";
/** The Deployment, Service and ServiceAccount of the control plane; its pods have the label `app: heddle`. */
export const controlPlaneName = "heddle";
/** The host by which proxies and the API server know the control plane; its certificate is for it. */
export const controlPlaneHost = `${controlPlaneName}.${systemNamespace}.svc`;
export const authoritySecret = "heddle-ca";
/** A user's own authority, in the same form: it is used in the stead of ours while it is there. */
export const usersAuthoritySecret = "cacerts";
export const leaderLease = "heddle-leader";
/** What workloads used before, written by the leader. */
export const dependenciesConfigMap = "heddle-dependencies";
export const injectionWebhook = "heddle-injection";
export const validationWebhook = "heddle-validation";
/** Both the mutating policy and the validating one. */
export const injectionPolicy = "heddle-injection";
export const gatewayClass = "heddle";
export const gatewayController = "heddle.dev/gateway-controller";

/** Where objects stand that are for all namespaces: Heddle's own, and the one that Istio's documentation uses. */
export const rootNamespaces: readonly string[] = ["heddle-system", "istio-system"];
