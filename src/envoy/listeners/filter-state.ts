// What a connection is known by to the filters and routes after.
import { ConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { extension } from "../messages.ts";

/** Sets an object of the connection's filter state from a format; `factory` makes it where the key names none. */
export function filterState(object: {
  readonly key: string;
  readonly format: string;
  readonly factory?: string;
}) {
  return extension("envoy.filters.network.set_filter_state", ConfigSchema, {
    onNewConnection: [
      {
        key: { case: "objectKey", value: object.key },
        ...(object.factory === undefined ? {} : { factoryKey: object.factory }),
        value: {
          case: "formatString",
          value: {
            format: {
              case: "textFormatSource",
              value: { specifier: { case: "inlineString", value: object.format } },
            },
          },
        },
      },
    ],
  });
}
