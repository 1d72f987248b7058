// Whether the control plane runs, and whether everybody can trust it.
import { X509Certificate } from "node:crypto";
import { isSupported, oldestMinor } from "#kubernetes/server-version.ts";
import { systemNamespace } from "#model/installation.ts";
import { isReady } from "#model/kubernetes/pod.ts";
import { rolloutFailure } from "../rollout.ts";
import { count, error, type Finding, ok, someOf, warning } from "./finding.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

const logs = `kubectl -n ${systemNamespace} logs deploy/heddle`;
const day = 24 * 60 * 60 * 1000;
const warnDaysBeforeExpiry = 30;

export function checkServer({ server }: ClusterSnapshot): readonly Finding[] {
  return isSupported(server)
    ? [ok("Kubernetes", server.text)]
    : [
        error(
          "Kubernetes",
          `${server.text} has no native sidecars`,
          `upgrade the cluster to 1.${oldestMinor} or later`,
        ),
      ];
}

export function checkReplicas({ installed, controlPlanePods }: ClusterSnapshot): readonly Finding[] {
  const subject = "control plane";
  if (installed === undefined) return [error(subject, "Heddle is not installed", "heddle install")];
  const wanted = installed.deployment.spec.replicas ?? 1;
  const pods = controlPlanePods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ready = pods.filter(isReady);
  const text = `${ready.length} of ${count(wanted, "replica")} ready, version ${installed.version}`;
  const old = ready.filter(({ spec }) => spec.containers[0]?.image !== installed.controlPlaneImage);
  if (ready.length === 0) {
    const [, ...reasons] = rolloutFailure("", pods).split("\n");
    return [
      error(
        subject,
        `no replica is ready: proxies keep what they have, and learn nothing new`,
        reasons.map((line) => line.trim()).join("; "),
      ),
    ];
  }
  return [
    ready.length < wanted
      ? warning(subject, text, `kubectl -n ${systemNamespace} get pods`)
      : ok(subject, text),
    ...(old.length === 0
      ? []
      : [
          warning(
            subject,
            `${count(old.length, "replica")} of another version: ${someOf(old.map(({ metadata }) => metadata.name))}`,
            `kubectl -n ${systemNamespace} rollout status deployment/heddle`,
          ),
        ]),
  ];
}

export function checkLeader({ installed, lease, now }: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  const holder = lease?.spec.holderIdentity ?? "";
  const renewed = Date.parse(lease?.spec.renewTime ?? "");
  const lifetime = (lease?.spec.leaseDurationSeconds ?? 15) * 1000;
  if (holder === "" || !(renewed + lifetime > now)) {
    return [
      error("leader", "no replica leads: statuses, trust bundles and webhooks are not kept up to date", logs),
    ];
  }
  return [ok("leader", holder)];
}

export function checkAuthority({ installed, roots, now }: ClusterSnapshot): readonly Finding[] {
  if (installed === undefined) return [];
  const subject = "authority";
  if (roots === undefined) {
    const message = "its secret heddle-ca is absent, or you may not read it";
    return [warning(subject, message, `kubectl -n ${systemNamespace} get secret heddle-ca`)];
  }
  const expiry = firstExpiry(roots);
  if (expiry === undefined) {
    return [
      error(
        subject,
        "root-cert.pem of the secret heddle-ca is no certificate",
        "put the right one there, or delete the secret to get a new authority",
      ),
    ];
  }
  const date = new Date(expiry).toISOString().slice(0, 10);
  const days = Math.floor((expiry - now) / day);
  const rotate = `put a new authority into the secret heddle-ca of ${systemNamespace}`;
  if (days < 0) return [error(subject, `its root has expired on ${date}`, rotate)];
  if (days < warnDaysBeforeExpiry)
    return [warning(subject, `its root expires in ${count(days, "day")}, on ${date}`, rotate)];
  return [ok(subject, `its root is valid until ${date}`)];
}

/** The first end of validity among PEM certificates. */
function firstExpiry(pem: string): number | undefined {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const ends = certificates.map((each) => Date.parse(new X509Certificate(each).validTo));
    return ends.length === 0 ? undefined : Math.min(...ends);
  } catch {
    return undefined;
  }
}
