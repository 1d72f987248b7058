/** Why an object, or a part of one, cannot have what it asks for in a field. */
export interface FieldFault {
  /** Inside of what is looked at; empty where it is the whole. */
  readonly field: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** The fault of a field; none without a message. */
export function faultOf(field: string, message: string | undefined): readonly FieldFault[] {
  return message === undefined ? [] : [{ field, message }];
}

/** In the place of what would be made of the part. */
export interface Faulty {
  readonly fault: FieldFault;
}

export function faulty(field: string, message: string): Faulty {
  return { fault: { field, message } };
}
