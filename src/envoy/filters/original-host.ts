// The Host as the client sent it, where an answer repeats it.
import { LuaPerRouteSchema, LuaSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/lua/v3/lua";
import { pack, typedExtension } from "../messages.ts";
import { authorityHeader } from "./on-demand.ts";

const name = "heddle.original_host";
const restore = "restore";

const takeBack = `function envoy_on_request(handle)
  local host = handle:headers():get("${authorityHeader}")
  if host ~= nil then handle:headers():replace(":authority", host) end
end`;

/** Does nothing but for a route that has it restore the Host. */
export const originalHost = typedExtension(name, LuaSchema, {
  sourceCodes: { [restore]: { specifier: { case: "inlineString", value: takeBack } } },
  // The route was found by the way by destination, and would not be found again.
  clearRouteCache: false,
});

/**
 * For redirects: takes the Host back from where the way by destination has put it, and does nothing where the request
 * came another way. Only a script may change a Host.
 */
export const restoreHost = {
  [name]: pack(LuaPerRouteSchema, { override: { case: "name", value: restore } }),
};
