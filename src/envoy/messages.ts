// Small makers where Envoy's API is verbose.
import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack, type DurationSchema } from "@bufbuild/protobuf/wkt";
import type { AddressSchema } from "@heddle/envoy-api/envoy/config/core/v3/address";
import type { MetadataSchema } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { ApiVersion, type ConfigSourceSchema } from "@heddle/envoy-api/envoy/config/core/v3/config_source";
import type { HttpStatusSchema, StatusCode } from "@heddle/envoy-api/envoy/type/v3/http_status";
import {
  FractionalPercent_DenominatorType,
  type FractionalPercentSchema,
} from "@heddle/envoy-api/envoy/type/v3/percent";
import type { Bind } from "#model/sidecar.ts";

/** What a message is made from, without the made message: can be spread. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, Message>;

/** A message inside another one. */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

/**
 * The shape that filters, loggers and transport sockets share: a name and a packed configuration. Envoy goes by the
 * type of the configuration, and the name may be any; it is short in what each cluster and each route repeats.
 */
export function extension<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
): { name: string; configType: { case: "typedConfig"; value: Any } } {
  return { name, configType: { case: "typedConfig", value: pack(schema, init) } };
}

/** As {@link extension}, for the places that take a `TypedExtensionConfig`. */
export function typedExtension<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
): { name: string; typedConfig: Any } {
  return { name, typedConfig: pack(schema, init) };
}

/** Envoy's duration of some milliseconds. */
export function duration(milliseconds: number): MessageInitShape<typeof DurationSchema> {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}

/** A status that Envoy knows: it refuses others. */
export function httpStatus(code: number): MessageInitShape<typeof HttpStatusSchema> {
  return { code: code as StatusCode };
}

/** A percentage, 0 to 100, to four decimals. */
export function fraction(percentage: number): MessageInitShape<typeof FractionalPercentSchema> {
  return {
    numerator: Math.round(percentage * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  };
}

export function socketAddress(address: string, port: number): MessageInitShape<typeof AddressSchema> {
  return {
    address: {
      case: "socketAddress",
      value: { address, portSpecifier: { case: "portValue", value: port } },
    },
  };
}

/** Where a proxy listens. Whoever is in the pod may use a socket in the file system. */
export function bindAddress(at: Bind): MessageInitShape<typeof AddressSchema> {
  if (at.kind === "address") return socketAddress(at.address, at.port);
  const mode = at.path.startsWith("@") ? {} : { mode: 0o666 };
  return { address: { case: "pipe", value: { path: at.path, ...mode } } };
}

/** A resource that comes over the stream that everything comes over; Envoy waits for it as long as it takes. */
export function adsSource(initialFetchTimeoutMs = 0): MessageInitShape<typeof ConfigSourceSchema> {
  return {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: "ads", value: {} },
    initialFetchTimeout: duration(initialFetchTimeoutMs),
  };
}

/** Metadata under the key `heddle`: strings only. */
export function heddleMetadata(
  values: Readonly<Record<string, string>>,
): MessageInitShape<typeof MetadataSchema> {
  return { filterMetadata: { heddle: { ...values } } };
}

/** `10.0.0.0/8`, or one address, as Envoy and xDS write it. */
export function cidrRange(range: string) {
  const [addressPrefix = "", length = "32"] = range.split("/");
  return { addressPrefix, prefixLen: Number(length) };
}
