// What a connection is known by to the filters and routes after.
import { ConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { extension } from "../messages.ts";

/** An object of a connection's filter state, made from a format; `factory` makes it where the key names none. */
interface StateObject {
  readonly key: string;
  readonly format: string;
  readonly factory?: string;
}

/** Sets objects of the connection's filter state. */
export function filterState(...objects: readonly StateObject[]) {
  return extension("envoy.filters.network.set_filter_state", ConfigSchema, {
    onNewConnection: objects.map(({ key, format, factory }) => ({
      key: { case: "objectKey" as const, value: key },
      ...(factory === undefined ? {} : { factoryKey: factory }),
      value: {
        case: "formatString" as const,
        value: {
          format: {
            case: "textFormatSource" as const,
            value: { specifier: { case: "inlineString" as const, value: format } },
          },
        },
      },
    })),
  });
}
