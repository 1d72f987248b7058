import packageJson from "../../package.json" with { type: "json" };

/** Of Heddle, as package.json has it. */
export function packageVersion(): string {
  return packageJson.version;
}
