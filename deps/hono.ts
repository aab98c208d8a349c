/** hono: routes of the local page. Import this file lazily. @module */
export { Hono } from "npm:hono@4.13.19";
export { streamSSE } from "npm:hono@4.13.19/streaming";
