/** One of them. https://istio.io/latest/docs/reference/config/networking/virtual-service/#StringMatch */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}
