import { balancerPath } from "#model/balancer.ts";
import { typed } from "./envoy-json.ts";

/** The part of a bootstrap that puts what the balancers know on a page of the admin interface. */
export function balancerExtension(): object {
  return {
    name: "heddle.balancer",
    typed_config: {
      ...typed("extensions.bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension"),
      dynamic_module_config: { module: { local: { filename: balancerPath } }, do_not_close: true },
      extension_name: "balancer",
    },
  };
}
