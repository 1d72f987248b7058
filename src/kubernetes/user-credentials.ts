// The user and the cluster of a kubeconfig → what authenticates requests.
import { type Credentials, rereadFile } from "./access.ts";
import { execCredentials } from "./exec-credentials.ts";
import type { KubeconfigCluster, KubeconfigUser } from "./kubeconfig-file.ts";

/** Credentials of a user for a cluster; what stands in files or comes from programs is followed as it changes. */
export function credentialsOf(cluster: KubeconfigCluster, user: KubeconfigUser): () => Promise<Credentials> {
  const own = ownCredentials(cluster, user);
  const needsLibrary = user["auth-provider"] !== undefined || cluster["proxy-url"] !== undefined;
  return needsLibrary ? withLibrary(own, cluster, user) : own;
}

function ownCredentials(cluster: KubeconfigCluster, user: KubeconfigUser): () => Promise<Credentials> {
  const ca = content(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const cert = content(user["client-certificate-data"], user["client-certificate"]);
  const key = content(user["client-key-data"], user["client-key"]);
  const tokenFile = user.tokenFile === undefined ? undefined : rereadFile(user.tokenFile);
  const exec = user.exec === undefined ? undefined : execCredentials(user.exec, cluster);
  return async () => {
    const given = await exec?.();
    const token = given?.token ?? tokenFile?.().toString().trim() ?? user.token;
    return {
      ca: ca?.(),
      cert: given?.clientCertificateData ?? cert?.(),
      key: given?.clientKeyData ?? key?.(),
      ...(cluster["tls-server-name"] === undefined ? {} : { servername: cluster["tls-server-name"] }),
      ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
      headers: { ...authorization(user, token), ...impersonation(user) },
    };
  };
}

function authorization(user: KubeconfigUser, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (user.username === undefined) return {};
  const basic = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
  return { authorization: `Basic ${basic}` };
}

function impersonation(user: KubeconfigUser): Record<string, string | string[]> {
  if (user.as === undefined) return {};
  return {
    "impersonate-user": user.as,
    ...(user["as-groups"] === undefined ? {} : { "impersonate-group": [...user["as-groups"]] }),
  };
}

function content(data: string | undefined, file: string | undefined): (() => Buffer) | undefined {
  if (data !== undefined) {
    const decoded = Buffer.from(data, "base64");
    return () => decoded;
  }
  return file === undefined ? undefined : rereadFile(file);
}

/**
 * Adds the token of an OIDC session, which has to be refreshed, and the proxy on the way: the library knows how. It is
 * loaded only then, for that takes a second and 90 MB.
 */
function withLibrary(
  own: () => Promise<Credentials>,
  cluster: KubeconfigCluster,
  user: KubeconfigUser,
): () => Promise<Credentials> {
  let loaded: Promise<{ applyToHTTPSOptions(options: object): Promise<void> }> | undefined;
  const loadLibrary = async () => {
    const { KubeConfig } = await import("@kubernetes/client-node");
    const library = new KubeConfig();
    const name = "current";
    library.loadFromString(
      JSON.stringify({
        "current-context": name,
        contexts: [{ name, context: { cluster: name, user: name } }],
        clusters: [{ name, cluster }],
        users: [{ name, user: { "auth-provider": user["auth-provider"] } }],
      }),
    );
    return library;
  };
  return async () => {
    const credentials = await own();
    loaded ??= loadLibrary();
    const added: Credentials = {};
    await (await loaded).applyToHTTPSOptions(added);
    return { ...added, ...credentials, headers: { ...credentials.headers, ...added.headers } };
  };
}
