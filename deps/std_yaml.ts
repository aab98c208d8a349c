/** deno-std's YAML parser, which has no types of its own. @module */
// @ts-types="./types/std_yaml.d.ts"
export { parse as parseYaml } from "npm:deno-std@1.4.0/yaml/parse.js";
