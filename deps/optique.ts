/** optique: command-line parsing and shell completion. Only `cli/parsing/parser.ts` uses it. @module */
export {
  argument,
  bash,
  choice,
  fish,
  float,
  formatMessage,
  integer,
  multiple,
  object,
  option,
  optional,
  parseSync,
  string,
  suggestSync,
  text,
  zsh,
} from "npm:@optique/core@1.3.6";
export type { NonEmptyString, Parser, Suggestion, ValueParser } from "npm:@optique/core@1.3.6";
