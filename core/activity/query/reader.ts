/** A query's words one after the other, for whoever reads it, and how one that does not fit is named. */
import { QueryError, type Token } from './tokens.ts';

export type Reader = {
  peek: () => Token;
  next: () => Token;
  /** Whether the next token is this word, or sign; then it is taken. */
  word: (word: string) => boolean;
  sign: (sign: string) => boolean;
  demandWord: (word: string) => void;
  demandSign: (sign: string) => void;
};

export function readerOf(tokens: readonly Token[]): Reader {
  let at = 0;
  const peek = () => tokens[at]!;
  const next = () => (peek().kind === 'end' ? peek() : tokens[at++]!);
  const takeIf = (is: boolean): boolean => {
    if (is) next();
    return is;
  };
  const word = (wanted: string) => takeIf(isWord(peek(), wanted));
  const sign = (wanted: string) => {
    const token = peek();
    return takeIf(token.kind === 'sign' && token.text === wanted);
  };
  return {
    peek,
    next,
    word,
    sign,
    demandWord: (wanted) => {
      if (!word(wanted))
        throw new QueryError(`invalid syntax: expected ${wanted.toUpperCase()}, found ${show(peek())}`);
    },
    demandSign: (wanted) => {
      if (!sign(wanted)) throw new QueryError(`invalid syntax: expected '${wanted}', found ${show(peek())}`);
    },
  };
}

const isWord = (token: Token, word: string) => token.kind === 'name' && token.text.toLowerCase() === word;

export const unexpected = (token: Token) => new QueryError(`invalid syntax: unexpected ${show(token)}`);

/** Characters of a text that a refusal repeats. */
const SHOWN = 40;

export function show(token: Token): string {
  if (token.kind === 'end') return 'the end of the query';
  const text = token.kind === 'number' ? String(token.value) : token.kind === 'text' ? `"${token.value}"` : token.text;
  return `'${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}'`;
}
