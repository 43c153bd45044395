/** The part of Handlebars that we use: its parser. It gives a tree and runs nothing. */
declare module 'handlebars/dist/cjs/handlebars/compiler/base.js' {
  type Location = { start: { line: number } };
  type Expression =
    | { type: 'PathExpression'; data: boolean; depth: number; parts: string[]; original: string }
    | { type: 'StringLiteral' | 'NumberLiteral' | 'BooleanLiteral'; value: string | number | boolean }
    | { type: 'UndefinedLiteral' | 'NullLiteral' }
    | ({ type: 'SubExpression' } & Called);
  type Called = {
    path: Expression;
    params: Expression[];
    hash?: { pairs: { key: string; value: Expression }[] };
    loc: Location;
  };
  type Program = { body: Statement[]; blockParams?: string[] };
  type Statement =
    | { type: 'ContentStatement'; value: string; loc: Location }
    | { type: 'CommentStatement'; loc: Location }
    | ({ type: 'MustacheStatement'; escaped: boolean } & Called)
    | ({ type: 'BlockStatement'; program?: Program; inverse?: Program } & Called)
    | { type: 'PartialStatement' | 'PartialBlockStatement' | 'Decorator' | 'DecoratorBlock'; loc: Location };
  /** @throws Error of one message, whose first line says where; on what is not a string, anything */
  export function parse(text: string): Program;
}
