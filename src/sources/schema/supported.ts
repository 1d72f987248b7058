/** What Heddle acts on: `true` for a whole field, a list of values of one, or its parts (`*`: of any name). Lists are looked through. */
export type Supported = true | readonly string[] | { readonly [field: string]: Supported };
