// Regular expressions of RE2, which proxies read.

/** A text as part of a regular expression that means nothing but it, to JavaScript and to RE2. */
export function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
}

/** Texts that are quoted, escapes that RE2 knows, and classes of characters. */
const understood =
  /\\Q.*?(?:\\E|$)|\\(?:[afntrvxpPCdDsSwWAbBz0]|[1-7][0-7]|[\W_])|\[\^?\]?(?:\\.|[^\]\\])*\]/gs;

/** To look ahead and behind, which RE2 does not do; other escapes, as those that mean an earlier group. */
const notUnderstood = /\\|\(\?(?:[=!>]|<[=!])/;

/** Flags, names of groups, and what else RE2 writes otherwise than JavaScript. */
const ofItsOwn = /\(\?|\\[pPQx]|\[:|\[\^?\]/;

const largestRepetition = 1_000;

/**
 * Whether RE2 reads a text as an expression: for one that it does not, a proxy refuses all routes of a host. What
 * cannot be judged passes. https://github.com/google/re2/wiki/Syntax
 */
export function isExpression(text: string): boolean {
  const bare = text.replaceAll(understood, "");
  const counts = [...bare.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, least, most]) => [least, most]);
  if (notUnderstood.test(bare) || counts.some((count) => Number(count ?? 0) > largestRepetition))
    return false;
  return ofItsOwn.test(text) || isOfJavaScript(text);
}

/** Why a text is no expression; the message says what to do. */
export function expressionFault(text: string): string | undefined {
  return isExpression(text) ? undefined : `${text} is no valid regular expression; correct it`;
}

function isOfJavaScript(text: string): boolean {
  try {
    return new RegExp(text).source !== "";
  } catch {
    return false;
  }
}
