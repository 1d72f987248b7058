import type { Fetch } from "#collections/graph.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { type LocalCheckInputs, selected } from "./inputs.ts";
import { checkTrafficDistribution } from "./traffic-distribution.ts";

/** Address, ports and selector of a Service. */
export function checkService(
  service: Service,
  inputs: LocalCheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (service.spec.type === "ExternalName") return [];
  return [
    ...checkAddress(service, inputs, fetch),
    ...checkPorts(service),
    ...checkSelector(service, inputs, fetch),
    ...checkTrafficDistribution(service),
  ];
}

function checkAddress(service: Service, inputs: LocalCheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const { clusterIP } = service.spec;
  if (clusterIP === undefined || clusterIP === "" || clusterIP === "None") return [];
  const first = fetch.by(inputs.servicesByAddress, clusterIP)[0];
  if (first === undefined || objectKey(first.metadata) === objectKey(service.metadata)) return [];
  const message = `Service ${objectKey(first.metadata)} has the address ${clusterIP} already; leave clusterIP out to get a free one`;
  return [error("spec.clusterIP", message)];
}

function checkPorts(service: Service): readonly CheckFinding[] {
  const ports = service.spec.ports ?? [];
  if (ports.length === 0 && service.spec.clusterIP !== "None") {
    return [error("spec.ports", "ports is missing; a Service needs at least one port")];
  }
  return ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const earlier = ports.slice(0, index);
    if (ports.length > 1 && port.name === undefined) {
      return [error(`${field}.name`, "name is missing; with several ports each needs a name")];
    }
    if (port.name !== undefined && earlier.some((other) => other.name === port.name)) {
      return [error(`${field}.name`, `there is a port named ${port.name} already; give it another name`)];
    }
    const protocol = port.protocol ?? "TCP";
    return earlier.some((other) => other.port === port.port && (other.protocol ?? "TCP") === protocol)
      ? [error(`${field}.port`, `port ${port.port} is there already; remove one of the two`)]
      : [];
  });
}

function checkSelector(service: Service, inputs: LocalCheckInputs, fetch: Fetch): readonly CheckFinding[] {
  const { selector } = service.spec;
  if (selector === undefined || Object.keys(selector).length === 0) return [];
  const namespace = service.metadata.namespace ?? "default";
  const templates = selected(inputs, fetch, namespace, selector);
  if (templates.length === 0) {
    const labels = Object.entries(selector).map(([label, value]) => `${label}=${value}`);
    return [
      warning("spec.selector", `no workload in namespace ${namespace} has the labels ${labels.join(", ")}`),
    ];
  }
  return (service.spec.ports ?? []).flatMap(({ targetPort }, index) =>
    typeof targetPort === "string" && !templates.some(({ portNames }) => portNames.includes(targetPort))
      ? [error(`spec.ports[${index}].targetPort`, `no container behind it has a port named ${targetPort}`)]
      : [],
  );
}
