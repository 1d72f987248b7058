// Whether an installation can succeed, found out before anything is changed.
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import {
  isSupported,
  oldestMinor,
  readServerVersion,
  type ServerVersion,
} from "#kubernetes/server-version.ts";
import type { Problem } from "#model/reference.ts";
import { fieldManager } from "./apply.ts";
import { readInstalled } from "./installed.ts";
import { manifests } from "./manifests.ts";
import type { Manifest } from "./object.ts";
import type { InstallationSettings } from "./settings.ts";

export interface Preflight {
  readonly server: ServerVersion;
  /** Whether the CRDs of the Gateway API are installed. */
  readonly gatewayApi: boolean;
  /** The version that is installed already. */
  readonly upgradeFrom?: string;
  /** Why the installation cannot succeed; empty when it can. */
  readonly problems: readonly Problem[];
}

/** Asks the cluster, and changes nothing. Throws if the API server cannot be reached. */
export async function preflight(client: KubernetesClient, wanted: InstallationSettings): Promise<Preflight> {
  const server = await readServerVersion(client);
  const [gatewayClasses, policies] = await Promise.all([
    client.resourceOf("gateway.networking.k8s.io/v1", "GatewayClass"),
    client.resourceOf("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),
  ]);
  const gatewayApi = gatewayClasses !== undefined;
  const found = { server, gatewayApi };
  const versions = versionProblems(server, wanted, policies !== undefined);
  if (versions.length > 0) return { ...found, problems: versions };
  const permissions = await permissionProblems(client, manifests({ ...wanted, gatewayApi }));
  if (permissions.length > 0) return { ...found, problems: permissions };
  const installed = await readInstalled(client);
  return {
    ...found,
    ...(installed !== undefined && { upgradeFrom: installed.version }),
    problems: trustDomainProblems(wanted, installed?.trustDomain),
  };
}

function versionProblems(
  server: ServerVersion,
  { injection }: InstallationSettings,
  hasPolicies: boolean,
): readonly Problem[] {
  if (!isSupported(server)) {
    return [
      problem(
        `the cluster runs Kubernetes ${server.text}; Heddle needs 1.${oldestMinor} or later, for native sidecars: upgrade the cluster`,
      ),
    ];
  }
  if (injection === "policy" && !hasPolicies) {
    return [
      problem(
        `the cluster runs Kubernetes ${server.text} without MutatingAdmissionPolicy v1 (from 1.36 on): install with --injection=webhook`,
      ),
    ];
  }
  return [];
}

/** Another trust domain would change every identity, while running proxies still have the old one. */
function trustDomainProblems(
  { trustDomain }: InstallationSettings,
  installed: string | undefined,
): readonly Problem[] {
  if (installed === undefined || installed === trustDomain) return [];
  return [
    problem(
      `the installed mesh has the trust domain ${installed}, and not ${trustDomain}: add --trust-domain ${installed}, or run heddle uninstall first`,
    ),
  ];
}

/** To apply is to patch or create; what is there is read, and what is replaced is deleted. */
const verbs = ["get", "create", "patch", "delete"];

async function permissionProblems(
  client: KubernetesClient,
  objects: readonly Manifest[],
): Promise<readonly Problem[]> {
  const kinds = objects.filter((object, i) => objects.findIndex((other) => other.kind === object.kind) === i);
  const denied = await Promise.all(
    kinds.flatMap((object) => verbs.map((verb) => deniedAccess(client, object, verb))),
  );
  const problems = denied.filter((each) => each !== undefined);
  return problems.length > 0 ? problems : escalationProblems(client, objects);
}

async function deniedAccess(
  client: KubernetesClient,
  { apiVersion, kind, metadata: { namespace } }: Manifest,
  verb: string,
): Promise<Problem | undefined> {
  const resource = await client.resourceOf(apiVersion, kind);
  if (resource === undefined) return problem(`the cluster has no ${kind} (${apiVersion}): upgrade it`);
  const { group, plural } = resource;
  const review = await client.request<{ readonly status?: { readonly allowed: boolean } }>(
    "POST",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    {
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: {
          resourceAttributes: {
            group,
            resource: plural,
            verb,
            ...(namespace !== undefined && { namespace }),
          },
        },
      },
    },
  );
  if (review.status?.allowed === true) return undefined;
  const where = namespace === undefined ? "" : ` in the namespace ${namespace}`;
  return problem(
    `you may not ${verb} ${plural}${group === "" ? "" : `.${group}`}${where}: use a context with the rights of cluster-admin`,
  );
}

/** Nobody may grant what he does not have: the API server says so only when asked to. */
async function escalationProblems(
  client: KubernetesClient,
  objects: readonly Manifest[],
): Promise<readonly Problem[]> {
  const role = objects.find(({ kind }) => kind === "ClusterRole");
  if (role === undefined) return [];
  try {
    await client.apply(role, { fieldManager, force: true, dryRun: true });
    return [];
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 403) throw error;
    const [reason = ""] = error.message.split("\n");
    return [
      problem(
        `you may not grant the control plane its rights: use a context with the rights of cluster-admin (${reason})`,
      ),
    ];
  }
}

function problem(message: string): Problem {
  return { severity: "error", message };
}
