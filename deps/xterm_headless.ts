/** @xterm/headless: a terminal without a window, with which tests see what a program shows. @module */
// @ts-types="npm:@xterm/headless@6.0.0"
import xterm from "npm:@xterm/headless@6.0.0";

/** A terminal: bytes in, rows of text out. */
export const { Terminal } = xterm;
