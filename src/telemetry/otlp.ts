// Takes the metrics that sidecars push: the OTLP metrics service, as far as Envoy's sink uses it.
// https://opentelemetry.io/docs/specs/otlp/
import { fromBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { ExportMetricsServiceRequestSchema } from "@heddle/envoy-api/opentelemetry/proto/collector/metrics/v1/metrics_service";
import type {
  HistogramDataPoint,
  Metric,
  NumberDataPoint,
} from "@heddle/envoy-api/opentelemetry/proto/metrics/v1/metrics";
import { measures, statsPrefix, trafficTag } from "./measures.ts";
import type { Measure, Point, Report } from "./store.ts";
import type { Reporter } from "./traffic.ts";

/** Tells from the call's metadata whose sidecar calls. */
export type AuthenticateReporter = (
  metadata: grpc.Metadata,
) => Promise<Reporter | { readonly refused: string }>;

/** For `server.addService(definition, implementation)`. */
export interface GrpcService {
  readonly definition: grpc.ServiceDefinition;
  readonly implementation: grpc.UntypedServiceImplementation;
}

/** Beyond this many points of one report the rest is dropped: no sidecar has so many series. */
const maximumPoints = 20_000;

/** A tag longer than this is none of ours. */
const maximumTagLength = 2_000;

const exportPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/**
 * Who reports is what `authenticate` says; nothing of it is read from the report. What cannot be decoded is refused with
 * INVALID_ARGUMENT, what is none of the mesh's measures is ignored. `ingest` gets every report, also an empty one.
 */
export function metricsService(
  authenticate: AuthenticateReporter,
  ingest: (report: Report) => void,
): GrpcService {
  const answer = async (call: grpc.ServerUnaryCall<Buffer, Buffer>): Promise<Buffer> => {
    const reporter = await authenticate(call.metadata);
    if ("refused" in reporter) throw new CallFailure(grpc.status.UNAUTHENTICATED, reporter.refused);
    ingest(decodeReport(call.request, reporter));
    // An ExportMetricsServiceResponse without a field: all of it was taken.
    return Buffer.alloc(0);
  };
  return {
    definition: {
      export: {
        path: exportPath,
        requestStream: false,
        responseStream: false,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    },
    implementation: {
      export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        answer(call).then(
          (response) => callback(null, response),
          (error: unknown) => callback(statusOf(error)),
        );
      },
    },
  };
}

const asItIs = (bytes: Buffer): Buffer => bytes;

class CallFailure extends Error {
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

function statusOf(error: unknown): Partial<grpc.StatusObject> {
  if (error instanceof CallFailure) return { code: error.code, details: error.message };
  return { code: grpc.status.INTERNAL, details: "the report could not be taken" };
}

/** Reads an `ExportMetricsServiceRequest`. Throws an error with a gRPC status if it is none. */
export function decodeReport(bytes: Uint8Array, reporter: Reporter): Report {
  const points: Point[] = [];
  let intervalMs = 0;
  for (const metric of metricsIn(bytes)) {
    const measure = knownMeasures.get(metric.name);
    for (const point of dataPointsOf(metric)) {
      // Any point tells until when the sidecar has reported, also those of Envoy's own statistics.
      intervalMs = Math.max(intervalMs, intervalOf(point));
      const read = measure === undefined ? undefined : readPoint(measure, point);
      if (read !== undefined && points.length < maximumPoints) points.push(read);
    }
  }
  return { reporter, intervalMs, points };
}

function metricsIn(bytes: Uint8Array): readonly Metric[] {
  try {
    const request = fromBinary(ExportMetricsServiceRequestSchema, bytes, { readUnknownFields: false });
    return request.resourceMetrics.flatMap((resource) =>
      resource.scopeMetrics.flatMap((scope) => scope.metrics),
    );
  } catch {
    throw new CallFailure(grpc.status.INVALID_ARGUMENT, "not an ExportMetricsServiceRequest");
  }
}

type DataPoint = NumberDataPoint | HistogramDataPoint;

function dataPointsOf({ data }: Metric): readonly DataPoint[] {
  return data.case === "sum" || data.case === "gauge" || data.case === "histogram"
    ? data.value.dataPoints
    : [];
}

const knownMeasures = new Map<string, Measure>(
  Object.values(measures).map((measure) => [`${statsPrefix}.${measure}`, measure]),
);

/** Milliseconds that a point covers; 0 for Envoy's first report since its start, which says that it began in 1970. */
function intervalOf({ startTimeUnixNano, timeUnixNano }: DataPoint): number {
  const milliseconds = Number(timeUnixNano - startTimeUnixNano) / 1e6;
  return milliseconds > dayMs ? 0 : milliseconds;
}

/** No sidecar is silent for so long. */
const dayMs = 24 * 60 * 60_000;

function readPoint(measure: Measure, point: DataPoint): Point | undefined {
  const tag = point.attributes.find(({ key }) => key === trafficTag)?.value?.value;
  if (tag?.case !== "stringValue" || tag.value.length > maximumTagLength) return undefined;
  const traffic = tag.value;
  if (point.$typeName === "opentelemetry.proto.metrics.v1.NumberDataPoint") {
    const value = Number(point.value.value ?? 0);
    return Number.isFinite(value) && value >= 0 ? { kind: "count", measure, traffic, value } : undefined;
  }
  if (point.bucketCounts.length !== point.explicitBounds.length + 1) return undefined;
  return {
    kind: "distribution",
    measure,
    traffic,
    counts: point.bucketCounts.map(Number),
    bounds: point.explicitBounds,
    sum: Number.isFinite(point.sum) ? (point.sum ?? 0) : 0,
  };
}
