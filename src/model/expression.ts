/** A text as part of a regular expression that means nothing but it, to JavaScript and to RE2. */
export function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
}
