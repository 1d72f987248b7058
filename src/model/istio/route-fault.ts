/** Why a route cannot be applied. */
export interface RouteFault {
  /** The part of the route; empty where it is the whole. */
  readonly field: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}
