// A mesh of Istio's samples, and what a reader of its tasks does with it: apply, delete, curl.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { parseDocument, splitDocuments } from "#sources/directory/yaml.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { client } from "#test/helpers/workloads.ts";
import { INGRESS_WORKLOAD, ingressGateway } from "./ingress.ts";
import { SAMPLE_IMAGES, sample } from "./istio.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface SampleMesh {
  readonly mesh: Mesh;
  /** `kubectl apply`: files of the samples by path, other documents as text. An object that is there is replaced. */
  apply(...sources: readonly string[]): void;
  /** `kubectl delete -f`. */
  delete(...sources: readonly string[]): void;
  /** `curl` with these arguments in a meshed pod, by default the sample's; one answer for each URL that it has expanded. */
  curl(args: readonly string[], from?: string): Promise<readonly Answer[]>;
  /** Runs the ingress gateway, too. */
  startIngress(): Promise<void>;
  /** `curl` from a pod without sidecar: somebody outside who comes through a gateway. */
  curlOutside(args: readonly string[]): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

/** Labels the namespace as the documentation says, and runs these sources. */
export async function startSamples(...sources: readonly string[]): Promise<SampleMesh> {
  const documents = sources.flatMap(documentsOf);
  const mesh = await startMesh(
    {
      "default.yaml": [
        {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "default", labels: { "istio-injection": "enabled" } },
        },
      ],
      "outside.yaml": [client("outside", { namespace: "outside" })],
      ...Object.fromEntries(documents.map(({ file, text }) => [file, [text]])),
    },
    SAMPLE_IMAGES,
  );
  const written = new Set(documents.map(({ file }) => file));
  const curl = async (target: string, args: readonly string[], namespace?: string) => {
    const command = ["curl", "-s", "-w", MARK, ...args];
    const { stdout, stderr } = await mesh.exec(target, command, namespace === undefined ? {} : { namespace });
    assert.notEqual(stdout, "", stderr);
    return answersOf(stdout);
  };
  return {
    mesh,
    apply(...more) {
      for (const { file, text } of more.flatMap(documentsOf)) {
        mesh.write(file, text);
        written.add(file);
      }
    },
    delete(...some) {
      for (const { file } of some.flatMap(documentsOf)) if (written.delete(file)) mesh.remove(file);
    },
    curl: (args, from = "deploy/curl") => curl(from, args),
    async startIngress() {
      mesh.write("ingress.yaml", ...ingressGateway);
      await mesh.ready(INGRESS_WORKLOAD);
    },
    curlOutside: (args) => curl("deploy/outside", args, "outside"),
    close: () => mesh.close(),
  };
}

const MARK = "\u0001%{http_code}\u0002";

function answersOf(output: string): readonly Answer[] {
  return output
    .split("\u0002")
    .slice(0, -1)
    .map((part) => {
      const [body = "", status] = part.split("\u0001");
      return { body, status: Number(status) };
    });
}

/** The documents of a source, each with the file that stands for its object. */
function documentsOf(source: string): readonly { readonly file: string; readonly text: string }[] {
  const text = source.includes("\n") ? source : sample(source);
  return splitDocuments(text).flatMap((document) => {
    const parsed = parseDocument(document.text);
    const object = (parsed.kind === "value" ? parsed.value : undefined) as Identified | null | undefined;
    if (object === undefined || object === null) return [];
    const { apiVersion, kind, metadata } = object;
    const group = apiVersion.replace(/\/.*$/u, "");
    return [
      { file: `${group}.${kind}.${metadata.namespace ?? ""}.${metadata.name}.yaml`, text: document.text },
    ];
  });
}

interface Identified {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Asks until the answer is as it shall be: what was applied takes a moment to arrive, and the samples have no probes. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let last: T | undefined;
  await until(async () => {
    last = await ask();
    return holds(last);
  }, "what was applied to take effect").catch(() => assert.fail(`still ${inspect(last)}`));
  return last as T;
}
