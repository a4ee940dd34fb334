import {
  createToken,
  EmbeddedActionsParser,
  type IToken,
  Lexer,
  type ParserMethod,
  type TokenType,
} from "chevrotain";

const word = createToken({ name: "word", pattern: /[\w.:*?%][\w.:/*?@%+-]*/ });
const keyword = (name: string, pattern: RegExp) =>
  createToken({ name, label: name, pattern, longer_alt: word });

export const tokens = {
  space: createToken({ name: "space", pattern: /\s+/, group: Lexer.SKIPPED }),
  open: createToken({ name: "open", label: "(", pattern: "(" }),
  close: createToken({ name: "close", label: ")", pattern: ")" }),
  comma: createToken({ name: "comma", label: ",", pattern: "," }),
  text: createToken({
    name: "text",
    pattern: /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'/,
    line_breaks: true,
  }),
  operator: createToken({ name: "operator", pattern: /!=|!~|<>|<=|>=|==|=|<|>|~/ }),
  and: keyword("and", /and/i),
  or: keyword("or", /or/i),
  not: keyword("not", /not/i),
  in: keyword("in", /in/i),
  word,
};

const vocabulary: TokenType[] = Object.values(tokens);
export const lexer = new Lexer(vocabulary, { positionTracking: "onlyOffset" });

/** A filter as it is written, before names and values are looked at. */
export type Syntax =
  | { kind: "and" | "or"; parts: Syntax[] }
  | { kind: "not"; part: Syntax }
  | { kind: "condition"; field: IToken; operator?: WrittenOperator; values: IToken[] };

export interface WrittenOperator {
  text: string;
  /** The first token of it. */
  token: IToken;
}

/** filter = condition { ("and" | "or") condition }, with not and parentheses. */
class FilterParser extends EmbeddedActionsParser {
  // Rules name each other before they are there: each reads its neighbours when it runs.
  readonly filter: ParserMethod<[], Syntax> = this.RULE("filter", () => this.SUBRULE(this.either));
  readonly either: ParserMethod<[], Syntax> = this.RULE("either", () =>
    this.#chain("or", tokens.or, () => this.both),
  );
  readonly both: ParserMethod<[], Syntax> = this.RULE("both", () =>
    this.#chain("and", tokens.and, () => this.single),
  );
  readonly single: ParserMethod<[], Syntax> = this.RULE("single", () =>
    this.OR([
      {
        ALT: (): Syntax => {
          this.CONSUME(tokens.not);
          return { kind: "not", part: this.SUBRULE(this.single) };
        },
      },
      {
        ALT: (): Syntax => {
          this.CONSUME(tokens.open);
          const inner = this.SUBRULE(this.either);
          this.CONSUME(tokens.close);
          return inner;
        },
      },
      { ALT: () => this.SUBRULE(this.condition) },
    ]),
  );
  readonly condition: ParserMethod<[], Syntax> = this.RULE("condition", () => {
    const field = this.SUBRULE(this.field);
    const more = this.OPTION(() => this.SUBRULE(this.comparison)) ?? { values: [] };
    return { kind: "condition" as const, field, ...more };
  });
  readonly field: ParserMethod<[], IToken> = this.RULE("field", () => this.CONSUME(tokens.word));
  readonly comparison: ParserMethod<[], { operator: WrittenOperator; values: IToken[] }> =
    this.RULE("comparison", () =>
      this.OR([
        {
          ALT: () => {
            const token = this.CONSUME(tokens.operator);
            const values = [this.SUBRULE(this.value)];
            return { operator: { text: token.image, token }, values };
          },
        },
        {
          ALT: () => {
            const not = this.OPTION(() => this.CONSUME(tokens.not));
            const token = this.CONSUME(tokens.in);
            const values = this.SUBRULE(this.values);
            const text = not === undefined ? "in" : "not in";
            return { operator: { text, token: not ?? token }, values };
          },
        },
      ]),
    );
  readonly values: ParserMethod<[], IToken[]> = this.RULE("values", () =>
    this.OR([
      {
        ALT: () => {
          const list: IToken[] = [];
          this.CONSUME(tokens.open);
          this.AT_LEAST_ONE_SEP({
            SEP: tokens.comma,
            DEF: () => void list.push(this.SUBRULE(this.value)),
          });
          this.CONSUME(tokens.close);
          return list;
        },
      },
      { ALT: () => [this.SUBRULE2(this.value)] },
    ]),
  );
  readonly value: ParserMethod<[], IToken> = this.RULE("value", () =>
    this.OR([{ ALT: () => this.CONSUME(tokens.text) }, { ALT: () => this.CONSUME(tokens.word) }]),
  );

  constructor() {
    super(vocabulary, { recoveryEnabled: false, maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  #chain(kind: "and" | "or", between: TokenType, part: () => ParserMethod<[], Syntax>): Syntax {
    const parts: Syntax[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: between, DEF: () => void parts.push(this.SUBRULE(part())) });
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind, parts };
  }
}

/** One for all: building it analyses the grammar, which costs milliseconds. */
let built: FilterParser | undefined;

export function filterParser(): FilterParser {
  return (built ??= new FilterParser());
}
