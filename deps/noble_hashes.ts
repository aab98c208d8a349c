/** SHA-256 that needs no promise; for pages only, Node and Deno have their own. @module */

export { sha256 } from "npm:@noble/hashes@2.4.0/sha2.js";
