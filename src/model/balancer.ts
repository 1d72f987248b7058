/** The module that makes Envoy balance by latency: lb/, docs/latency-aware.md. */

/** Of the module; a control plane gives clusters with it to no proxy that has another one. */
export const balancerVersion = "1.0.0";
export const balancerFile = "libheddle_lb.so";
/** Where a proxy finds it, in its image and in the containers of a mesh on one machine. */
export const balancerPath = `/usr/lib/heddle/${balancerFile}`;
/** The page of Envoy's admin interface that tells what the balancers know. */
export const balancerPage = "/heddle_endpoints";
