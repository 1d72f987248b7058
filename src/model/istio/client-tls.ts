import type { ClientTls, TlsCertificate, TlsRoots } from "../client-tls.ts";
import { present } from "../present.ts";
import type { ClientTls as IstioClientTls } from "./destination-rule.ts";

/** API object → domain type. https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings */
export function clientTls(tls: IstioClientTls): ClientTls {
  const names = present({
    sni: tls.sni === undefined || tls.sni === "" || !isServerName(tls.sni) ? undefined : tls.sni,
    subjectAltNames: tls.subjectAltNames?.length === 0 ? undefined : tls.subjectAltNames,
  });
  switch (tls.mode) {
    case "SIMPLE":
    case "MUTUAL":
      return {
        kind: "origination",
        to: {
          ...names,
          roots: rootsOf(tls),
          ...present({
            revoked: filled(tls.caCrl),
            certificate: tls.mode === "MUTUAL" ? certificateOf(tls) : undefined,
          }),
        },
      };
    case "ISTIO_MUTUAL":
      return { kind: "mesh", ...names };
    // No mode at all is the first one of the API.
    default:
      return { kind: "none" };
  }
}

/** Whether TLS can ask for a name. */
export function isServerName(name: string): boolean {
  return !name.includes("\0") && Buffer.byteLength(name) <= 255;
}

function filled(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function rootsOf({ credentialName, caCertificates, insecureSkipVerify }: IstioClientTls): TlsRoots {
  if (insecureSkipVerify === true) return { kind: "unverified" };
  if (credentialName !== undefined) return { kind: "secret", name: credentialName };
  return caCertificates === undefined || caCertificates === ""
    ? { kind: "system" }
    : { kind: "file", path: caCertificates };
}

function certificateOf(tls: IstioClientTls): TlsCertificate | undefined {
  const { credentialName } = tls;
  const [clientCertificate, privateKey] = [filled(tls.clientCertificate), filled(tls.privateKey)];
  if (credentialName !== undefined) return { kind: "secret", name: credentialName };
  return clientCertificate === undefined || privateKey === undefined
    ? undefined
    : { kind: "files", chain: clientCertificate, key: privateKey };
}
