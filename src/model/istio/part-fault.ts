/** What is wrong with a part of an object, which then has no effect. */
export interface PartFault {
  /** In the part. */
  readonly field: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** In the place of what would be made of the part. */
export interface Faulty {
  readonly fault: PartFault;
}

export function faulty(field: string, message: string): Faulty {
  return { fault: { field, message } };
}
