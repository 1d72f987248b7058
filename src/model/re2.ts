// The syntax of RE2, as proxies read it. https://github.com/google/re2/wiki/Syntax

import { unicodeGroups } from "./unicode-groups.ts";

/** What is wrong with an expression. */
class SyntaxFault extends Error {}

/** RE2's own bounds, but for the size: that one is of the bootstrap of our proxies. */
const [largestRepetition, deepestNesting, largestProgram] = [1_000, 1_000, 32_768];

/** What an expression costs, at most. */
interface Cost {
  /** Instructions of the program that RE2 makes of it. */
  readonly size: number;
  /** How often the innermost part of nested repetitions is repeated. */
  readonly repeats: number;
}

const nothing: Cost = { size: 0, repeats: 1 };

/** Why RE2 reads a text as no expression, or a proxy finds it too large. */
export function syntaxFault(text: string): string | undefined {
  try {
    const { size } = new Parser(text).parse();
    return size > largestProgram ? "it is too large" : undefined;
  } catch (error) {
    if (error instanceof SyntaxFault) return error.message;
    throw error;
  }
}

const perlClasses: Readonly<Record<string, number>> = { d: 2, w: 4, s: 4, D: 4, W: 6, S: 6 };
const posixClass =
  /^\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/;
const repetition = /^\{(0|[1-9]\d{0,8})(?:(,)(0|[1-9]\d{0,8})?)?\}/;
const groupName = /^\(\?P?<[\p{L}\p{M}\p{Nd}\p{Pc}]+>/u;
const flags = /^\(\?([imsU]*)(-[imsU]+)?([:)])/;
const octal = /^\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/;
const hexadecimal = /^\\x(?:[\da-fA-F]{2}|\{([\da-fA-F]+)\})/;

const controls: Readonly<Record<string, number>> = {
  [String.raw`\a`]: 7,
  [String.raw`\t`]: 9,
  [String.raw`\n`]: 10,
  [String.raw`\v`]: 11,
  [String.raw`\f`]: 12,
  [String.raw`\r`]: 13,
};

/** Instructions, at most, for one character of any kind, and for a group of Unicode, as measured. */
const [anyCharacter, anyGroup] = [4, 20];

class Parser {
  #rest: string;
  #depth = 0;
  #ignoresCase = false;

  constructor(text: string) {
    this.#rest = text;
  }

  parse(): Cost {
    const cost = this.#alternatives();
    if (this.#rest !== "") throw new SyntaxFault("a ) has no ( before it");
    return cost;
  }

  /** Up to the end, or to the parenthesis that closes the group. */
  #alternatives(): Cost {
    let cost = this.#sequence();
    while (this.#take("|")) cost = both(cost, this.#sequence(), 2);
    return cost;
  }

  #sequence(): Cost {
    let cost = nothing;
    let last: Cost | undefined;
    let isRepeated = false;
    while (this.#rest !== "" && !/^[|)]/.test(this.#rest)) {
      const found = this.#repetition();
      if (found !== undefined) {
        if (isRepeated) throw new SyntaxFault(`${found.text} repeats a repetition`);
        if (last === undefined) throw new SyntaxFault(`${found.text} has nothing to repeat`);
        const repeated = times(last, found);
        cost = {
          size: cost.size + repeated.size - last.size,
          repeats: Math.max(cost.repeats, repeated.repeats),
        };
        isRepeated = true;
        continue;
      }
      isRepeated = false;
      const part = this.#part();
      if (part === undefined) continue;
      last = part;
      cost = both(cost, part, 0);
    }
    return cost;
  }

  #repetition(): Repetition | undefined {
    const [sign] = /^[*+?]/.exec(this.#rest) ?? [];
    const [counted, least, comma, most] = sign === undefined ? (repetition.exec(this.#rest) ?? []) : [];
    const text = sign ?? counted;
    if (text === undefined) return undefined;
    this.#skip(text.length);
    this.#take("?");
    if (least === undefined) return { text, least: 0, most: undefined };
    return { text, least: Number(least), most: comma === undefined ? Number(least) : numberOf(most) };
  }

  /** Undefined where it is no part of what is matched. */
  #part(): Cost | undefined {
    if (this.#rest.startsWith("(")) return this.#group();
    if (this.#rest.startsWith("[")) return this.#class();
    if (this.#rest.startsWith(String.raw`\Q`)) return this.#quoted();
    if (/^\\[bBAzC]/.test(this.#rest)) return this.#skip(2, 2);
    if (/^[.^$]/.test(this.#rest)) return this.#skip(1, this.#rest.startsWith(".") ? anyCharacter : 1);
    return this.#classEscape() ?? this.#literal(this.#character());
  }

  #group(): Cost | undefined {
    const [flagged, on = "", off, end] = flags.exec(this.#rest) ?? [];
    const before = this.#ignoresCase;
    if (flagged !== undefined) {
      this.#skip(flagged.length);
      if (on.includes("i")) this.#ignoresCase = true;
      if (off?.includes("i") === true) this.#ignoresCase = false;
      if (end === ")") return undefined;
    } else if (this.#rest.startsWith("(?")) this.#name();
    else this.#skip(1);
    if (++this.#depth > deepestNesting) throw new SyntaxFault("it is nested too deeply");
    const inner = this.#alternatives();
    this.#depth--;
    this.#ignoresCase = before;
    if (!this.#take(")")) throw new SyntaxFault("a ( is never closed");
    return { ...inner, size: inner.size + 2 };
  }

  #name(): void {
    const [opening] = groupName.exec(this.#rest) ?? [];
    if (opening === undefined) throw new SyntaxFault(`RE2 has no ${this.#rest.slice(0, 4)}`);
    this.#skip(opening.length);
  }

  #quoted(): Cost {
    const end = this.#rest.indexOf(String.raw`\E`);
    const text = this.#rest.slice(2, end === -1 ? undefined : end);
    this.#rest = end === -1 ? "" : this.#rest.slice(end + 2);
    return this.#literal(text);
  }

  #class(): Cost {
    const isNegated = this.#rest.startsWith("[^");
    this.#skip(isNegated ? 2 : 1);
    let size = isNegated ? anyCharacter : 0;
    for (let isFirst = true; isFirst || !this.#rest.startsWith("]"); isFirst = false) {
      if (this.#rest === "") throw new SyntaxFault("a [ is never closed");
      size += this.#classItem();
    }
    this.#skip(1);
    return { size, repeats: 1 };
  }

  #classItem(): number {
    if (this.#rest.startsWith("[:") && this.#rest.includes(":]")) {
      const [name] = posixClass.exec(this.#rest) ?? [];
      if (name === undefined) throw new SyntaxFault("[: begins the name of no class");
      return this.#skip(name.length, anyCharacter).size;
    }
    const known = this.#classEscape();
    if (known !== undefined) return known.size;
    const from = this.#character();
    let to = from;
    if (/^-[^\]]/su.test(this.#rest)) {
      this.#skip(1);
      to = this.#character();
      if (codeOf(to) < codeOf(from)) throw new SyntaxFault(`${from}-${to} is no range`);
    }
    return codeOf(to) < 0x80 && !this.#ignoresCase ? 1 : anyCharacter;
  }

  /** One that stands for several characters. */
  #classEscape(): Cost | undefined {
    const perl = /^\\[dDsSwW]/.test(this.#rest) ? perlClasses[this.#rest.charAt(1)] : undefined;
    if (perl !== undefined) return this.#skip(2, perl);
    if (!/^\\[pP]/.test(this.#rest)) return undefined;
    const [text, short, long] = /^\\[pP](?:([^{])|\{\^?([^}]*)\})/su.exec(this.#rest) ?? [];
    if (text === undefined || !unicodeGroups.has(short ?? long ?? ""))
      throw new SyntaxFault(`${text ?? this.#rest.slice(0, 2)} names no group of characters`);
    return this.#skip(text.length, anyGroup);
  }

  /** One character, however it is written. */
  #character(): string {
    if (this.#rest === "") throw new SyntaxFault("a range never ends");
    if (!this.#rest.startsWith("\\")) {
      const [first = ""] = this.#rest;
      this.#skip(first.length);
      return first;
    }
    const [number] = octal.exec(this.#rest) ?? [];
    if (number !== undefined) return this.#escaped(number, Number.parseInt(number.slice(1), 8));
    const [hex, braced] = hexadecimal.exec(this.#rest) ?? [];
    if (hex !== undefined) return this.#escaped(hex, Number.parseInt(braced ?? hex.slice(2), 16));
    const [simple] = /^\\(?:[afnrtv]|[!-/:-@[-`{-~\0-\x20\x7f])/.exec(this.#rest) ?? [];
    if (simple === undefined)
      throw new SyntaxFault(
        this.#rest === "\\" ? "it ends in \\" : `RE2 has no ${/^.{2}/su.exec(this.#rest)?.[0]}`,
      );
    return this.#escaped(simple, controls[simple] ?? simple.charCodeAt(1));
  }

  #escaped(text: string, code: number): string {
    if (code > 0x10_ff_ff) throw new SyntaxFault(`${text} is no character`);
    this.#skip(text.length);
    return String.fromCodePoint(code);
  }

  #literal(text: string): Cost {
    const isPlain = !this.#ignoresCase && /^[ -~]*$/.test(text);
    return { size: (isPlain ? 1 : 2) * text.length, repeats: 1 };
  }

  #take(text: string): boolean {
    if (!this.#rest.startsWith(text)) return false;
    this.#skip(text.length);
    return true;
  }

  #skip(length: number, size = 0): Cost {
    this.#rest = this.#rest.slice(length);
    return { size, repeats: 1 };
  }
}

interface Repetition {
  readonly text: string;
  readonly least: number;
  /** Undefined: without end. */
  readonly most: number | undefined;
}

function both(one: Cost, other: Cost, more: number): Cost {
  return { size: one.size + other.size + more, repeats: Math.max(one.repeats, other.repeats) };
}

function times({ size, repeats }: Cost, { text, least, most }: Repetition): Cost {
  const count = Math.max(most ?? least, 1);
  const product = repeats * count;
  if (Math.max(least, most ?? 0) > largestRepetition || (most !== undefined && most < least))
    throw new SyntaxFault(`${text} is no number of repetitions; the largest is ${largestRepetition}`);
  if (count > 1 && product > largestRepetition)
    throw new SyntaxFault(`${text} and what it repeats are more than ${largestRepetition} repetitions`);
  return { size: (size + 2) * count + 2, repeats: product };
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
