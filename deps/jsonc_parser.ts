/** jsonc-parser: JSON with comments, with the position of each key. @module */
export { parseTree, printParseErrorCode } from "npm:jsonc-parser@3.3.1";
export type { Node as JsoncNode, ParseError as JsoncError } from "npm:jsonc-parser@3.3.1";
