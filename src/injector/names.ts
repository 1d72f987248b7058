/** The names of what the injector adds to a pod, besides the proxy's container. */
export const initContainerName = "heddle-init";
export const credentialsVolumeName = "heddle-token";
export const emptyVolumeName = "heddle-none";
export const injectedAnnotation = "heddle.dev/injected";
export const sdsAnnotation = "heddle.dev/sds";
