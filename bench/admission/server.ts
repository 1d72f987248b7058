// The webhook server as the control plane runs it, in a process of its own: with this mesh's settings, without a cluster.
import { webhookAnswers } from "#api/webhook-answers.ts";
import { createWebhookServer } from "#api/webhooks.ts";
import { Graph } from "#collections/graph.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { testObjects } from "#test/helpers/objects.ts";

/** What the process says once it listens. */
export interface Listening {
  readonly port: number;
  readonly rootPem: string;
}

const onFault = (error: unknown): never => {
  throw error;
};
const graph = new Graph({ onFault: ({ error }) => onFault(error) });
const { objects } = testObjects(graph);
const authority = await createAuthority();
const { chain, key } = await authority.issue({ dns: ["localhost"] });
const server = createWebhookServer({
  certificate: { chainPem: chain, keyPem: key },
  answers: webhookAnswers({
    settings: defaultInjectionSettings,
    namespaces: objects.namespaces,
    checkInputs: checkInputs(graph, objects),
    report: () => {},
    onFault,
  }),
});
const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
process.once("disconnect", () => process.exit(0));
process.send?.({ port, rootPem: authority.root } satisfies Listening);
