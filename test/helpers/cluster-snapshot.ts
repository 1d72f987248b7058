// A cluster in which all is right, as a check sees it, and what may be otherwise in it.

import { makeAuthorityFiles } from "#identity/authority.ts";
import type { ClusterSnapshot, WebhookConfiguration } from "#install/check/snapshot.ts";
import { deployment } from "#install/control-plane.ts";
import { type ControlPlaneDeployment, installedFrom } from "#install/installed.ts";
import type { MeshedPod } from "#install/meshed-pods.ts";
import { defaultSettings } from "#install/settings.ts";
import { balancerVersion } from "#model/balancer.ts";
import type { Pod } from "#model/kubernetes/pod.ts";

/** What a proxy with the balancer says of itself. */
export const ableNode = { version: "1.40.0", metadata: { balancer: balancerVersion } };

export const now = Date.now();
const settings = defaultSettings("0.1.0");
export const year = 365 * 24 * 60 * 60 * 1000;

export function rootsMadeAt(time: number): string {
  return makeAuthorityFiles({ trustDomain: "cluster.local", now: () => time })["root-cert.pem"] ?? "";
}

const roots = rootsMadeAt(now);
export const otherRoots = rootsMadeAt(now);

export function replica(
  name: string,
  change: { readonly ready?: boolean; readonly image?: string } = {},
): Pod {
  const { ready = true, image = settings.controlPlaneImage } = change;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "heddle-system" },
    spec: { containers: [{ name: "control-plane", image }] },
    status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

export function webhook(name: string, trusted: string): WebhookConfiguration {
  const caBundle = trusted === "" ? {} : { caBundle: Buffer.from(trusted).toString("base64") };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name },
    webhooks: [{ name: "injection.heddle.dev", clientConfig: caBundle }],
  };
}

export function namespace(name: string, labels: Readonly<Record<string, string>>) {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export const meshed: MeshedPod = {
  namespace: "shop",
  name: "web-1",
  proxy: "sidecar",
  proxyImage: settings.proxyImage,
  ready: true,
  crashes: false,
};

export const healthy: ClusterSnapshot = {
  server: { major: 1, minor: 36, text: "v1.36.3" },
  installed: installedFrom(deployment(settings) as unknown as ControlPlaneDeployment),
  controlPlanePods: [replica("heddle-a"), replica("heddle-b")],
  lease: {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "heddle-leader" },
    spec: { holderIdentity: "heddle-a", leaseDurationSeconds: 8, renewTime: new Date(now).toISOString() },
  },
  roots,
  injectionWebhook: webhook("heddle-injection", roots),
  validationWebhook: webhook("heddle-validation", roots),
  injectionPolicy: { policy: false, binding: false },
  namespaces: [namespace("shop", { "heddle.dev/inject": "enabled" }), namespace("kube-system", {})],
  pods: [meshed],
  trustBundles: new Map([["shop", roots]]),
  gatewayApi: true,
  gatewayClass: true,
  istio: false,
  problems: [],
  connectedProxies: new Map([["web-1.shop", ableNode]]),
  now,
};
