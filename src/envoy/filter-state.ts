// What a connection is known by to the filters and routes after.
import {
  FilterStateValue_SharedWithUpstream,
  type FilterStateValueSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/common/set_filter_state/v3/value";
import { ConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { extension, type Init } from "./messages.ts";

/** An object of a connection's filter state. */
export interface StateObject {
  readonly key: string;
  readonly format: string;
  /** What makes it, where the key names none. */
  readonly factory?: string;
  /** Whether a listener of the proxy's own that the connection passes through has it, too. */
  readonly passedOn?: true;
}

/** Sets objects of the connection's filter state from formats. */
export function filterState(...objects: readonly StateObject[]) {
  return extension("envoy.filters.network.set_filter_state", ConfigSchema, {
    onNewConnection: objects.map(stateValue),
  });
}

function stateValue({ key, format, factory, passedOn }: StateObject): Init<typeof FilterStateValueSchema> {
  return {
    key: { case: "objectKey", value: key },
    ...(factory === undefined ? {} : { factoryKey: factory }),
    ...(passedOn === undefined ? {} : { sharedWithUpstream: FilterStateValue_SharedWithUpstream.ONCE }),
    value: {
      case: "formatString",
      value: {
        format: {
          case: "textFormatSource",
          value: { specifier: { case: "inlineString", value: format } },
        },
      },
    },
  };
}
