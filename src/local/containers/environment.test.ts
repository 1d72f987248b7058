import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "#model/kubernetes/pod.ts";
import { containerEnvironment, expandVariables } from "./environment.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "shop", labels: { app: "web" } },
  spec: { containers: [] },
  status: { podIP: "10.244.1.1" },
};

function environment(container: Partial<Container>): unknown {
  const found = containerEnvironment({ name: "main", ...container }, pod, {
    configMap: (name) =>
      name === "settings"
        ? { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { COLOUR: "blue" } }
        : undefined,
    secret: (name) =>
      name === "keys"
        ? {
            apiVersion: "v1",
            kind: "Secret",
            metadata: { name },
            data: { key: Buffer.from("s3cret").toString("base64") },
          }
        : undefined,
  });
  return found.kind === "resolved" ? Object.fromEntries(found.value) : found.message;
}

test("variables refer to those before them, and a doubled dollar is a dollar", () => {
  const variables = new Map([["NAME", "web"]]);
  assert.equal(
    expandVariables("$(NAME).$(OTHER) $$(NAME) $NAME $$", variables),
    "web.$(OTHER) $(NAME) $NAME $",
  );
  assert.deepEqual(
    environment({
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "$(A)$(C)" },
        { name: "C", value: "$(B)" },
      ],
    }),
    { A: "1", B: "1$(C)", C: "1$(C)" },
  );
});

test("fields of the pod, ConfigMaps and Secrets become variables", () => {
  assert.deepEqual(
    environment({
      envFrom: [{ prefix: "P_", configMapRef: { name: "settings" } }],
      env: [
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "key" } } },
      ],
    }),
    { P_COLOUR: "blue", IP: "10.244.1.1", APP: "web", KEY: "s3cret" },
  );
});

test("a container waits for an object that does not exist, unless it is optional", () => {
  assert.equal(
    environment({ envFrom: [{ configMapRef: { name: "none" } }] }),
    "ConfigMap none does not exist",
  );
  assert.deepEqual(environment({ envFrom: [{ configMapRef: { name: "none", optional: true } }] }), {});
  assert.equal(
    environment({ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "keys", key: "none" } } }] }),
    "Secret keys with the key none does not exist",
  );
});
