/** playwright-core: drives a browser in the tests; it brings none of its own. @module */
import process from "node:process";
export type { Browser, Page } from "npm:playwright-core@1.65.1";

// One of its packages looks through /proc for Windows' Linux as it loads, which Deno grants only
// with all permissions; told that it is under test, it does not look.
process.env.__IS_WSL_TEST__ = "1";
export const { chromium } = await import("npm:playwright-core@1.65.1");
