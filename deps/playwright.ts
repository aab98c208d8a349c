/** playwright-core: drives a browser in the tests; it brings none of its own. @module */
export { chromium } from "npm:playwright-core@1.65.1";
export type { Browser, Page } from "npm:playwright-core@1.65.1";
