/** hono: routes of the local page, and the server behind them. Import this file lazily. @module */
export { Hono } from "npm:hono@4.13.19";
export { streamSSE } from "npm:hono@4.13.19/streaming";
export { createAdaptorServer } from "npm:@hono/node-server@2.1.9";
