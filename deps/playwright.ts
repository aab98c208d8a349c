/** playwright-core: drives a browser in the tests; it does not include one. @module */
import process from "node:process";
export type { Browser, Page } from "npm:playwright-core@1.65.1";

// One of its packages searches /proc for WSL as it loads, which Deno permits only with all
// permissions; when told that it is under test, it does not.
process.env.__IS_WSL_TEST__ = "1";
export const { chromium } = await import("npm:playwright-core@1.65.1");
