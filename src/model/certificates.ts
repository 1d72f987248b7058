// Certificates of users', as far as proxies can read them.
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Whether a text in PEM has certificates, and nothing that calls itself one and is none. */
export function areCertificates(pem: string): boolean {
  const found = pem.match(block) ?? [];
  return found.length > 0 && found.every((each) => certificateOf(each) !== undefined);
}

/** Whether proxies take a certificate, with those that it is issued by, and a key: the key must be of its kind and size. */
export function isUsablePair(chainPem: string, keyPem: string): boolean {
  const [first = ""] = chainPem.match(block) ?? [];
  const certificate = certificateOf(first);
  const key = keyOf(keyPem);
  return (
    areCertificates(chainPem) &&
    key !== undefined &&
    isUsable(key) &&
    certificate?.checkPrivateKey(key) === true
  );
}

const [leastRsaBits, curves] = [2_048, ["prime256v1", "secp384r1", "secp521r1"]];

function isUsable(key: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = "" } = createPublicKey(key).asymmetricKeyDetails ?? {};
  return key.asymmetricKeyType === "rsa" ? modulusLength >= leastRsaBits : curves.includes(namedCurve);
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
