/** What Envoy's admin interface tells of its whole configuration. */
export const configDumpPath = "/config_dump?include_eds";
/** What it tells of the state of its endpoints. */
export const endpointStatePath = "/clusters?format=json";
