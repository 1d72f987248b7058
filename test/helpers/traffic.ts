import {
  foreignAuthority,
  joinEndpoint,
  joinService,
  joinTraffic,
  type TrafficField,
} from "#telemetry/measures.ts";

/** The tag that a sidecar would send with these fields. */
export function trafficOf(fields: Partial<Record<TrafficField, string>>): string {
  const { service = "", serviceName = "", serviceNamespace = "" } = fields;
  const authority = fields.authority === foreignAuthority ? foreignAuthority : undefined;
  const { workload = "", workloadNamespace = "", app = "", version = "" } = fields;
  return joinTraffic(
    fields,
    joinService({ service, serviceName, serviceNamespace, authority }),
    joinEndpoint({ workload, workloadNamespace, app, version }),
  );
}
