/** Parses one YAML document; throws a SyntaxError that names line and column. */
export function parse(content: string): unknown;
