/** What `heddle check` says about one thing. */
export interface Finding {
  readonly severity: "ok" | "warning" | "error";
  /** What it is about, in a word or two: the same for good and bad news. */
  readonly subject: string;
  readonly message: string;
  /** What to do about it; a command where one does it. */
  readonly remedy?: string;
}

export function ok(subject: string, message: string): Finding {
  return { severity: "ok", subject, message };
}

export function warning(subject: string, message: string, remedy: string): Finding {
  return { severity: "warning", subject, message, remedy };
}

export function error(subject: string, message: string, remedy: string): Finding {
  return { severity: "error", subject, message, remedy };
}

/** `3 pods`, `1 pod`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : nouns}`;
}

const shownNames = 5;

/** Some names, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const more = names.length - shownNames;
  return names.slice(0, shownNames).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
