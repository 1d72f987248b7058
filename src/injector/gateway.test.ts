import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import { assertGolden } from "#test/helpers/golden.ts";
import { gatewayWorkload } from "./gateway.ts";
import { defaultInjectionSettings } from "./settings.ts";

const gateway: Gateway = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name: "public", namespace: "shop", uid: "9a0f" },
  spec: {
    gatewayClassName: "heddle",
    listeners: [
      { name: "http", port: 80, protocol: "HTTP" },
      { name: "admin", port: 8080, protocol: "HTTP", hostname: "admin.example" },
      { name: "shop", port: 8080, protocol: "HTTP", hostname: "shop.example" },
    ],
  },
};

test("a Gateway is run by a Deployment with the sidecar's proxy, a Service and a ServiceAccount", () => {
  const { serviceAccount, deployment, service } = gatewayWorkload(gateway, defaultInjectionSettings);
  const text = [serviceAccount, deployment, service]
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n")
    .replaceAll(/'\{"node":.*\}'/g, "<bootstrap>")
    .replaceAll(/'\{"resources":.*\}'/g, "<token-sds>");
  assertGolden(join(import.meta.dirname, "testdata/gateway.yaml"), text);
});
