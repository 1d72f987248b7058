/**
 * How Node runs the control plane: without the young generation's limit a burst of a thousand proxies costs 120 MB more
 * memory, for no less CPU (docs/performance.md).
 */
export const controlPlaneNodeOptions: readonly string[] = [
  "--max-semi-space-size=8",
  "--disable-warning=ExperimentalWarning",
];
