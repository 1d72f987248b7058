/** What Envoy's admin interface tells of its whole configuration. */
export const configDumpPath = "/config_dump?include_eds";
