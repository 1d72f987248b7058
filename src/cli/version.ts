import packageJson from "../../package.json" with { type: "json" };

/** Of Heddle. Bundles have it in them. */
export const packageVersion = packageJson.version;
