/** What several replicas said, each of its own proxies. */
export interface Gathered<T> {
  readonly items: readonly T[];
  /** The addresses of replicas that did not answer in time: what they know is missing. */
  readonly unanswered: readonly string[];
}

/** In HTTP answers: the addresses of the replicas that did not answer, with commas between them. */
export const unansweredHeader = "heddle-unanswered";
