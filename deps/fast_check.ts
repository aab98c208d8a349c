/** fast-check: property tests; used by the tests only. @module */
export * as fc from "npm:fast-check@4.10.2";
