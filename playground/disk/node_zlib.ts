/** What the program uses of Node's `zlib`, in a page. @module */

export { crc32 } from "../../report/png.ts";
