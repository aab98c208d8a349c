/** uPlot: curves in the browser, as the files that a server sends. Import it lazily. @module */
export { default as uplotScript } from "npm:uplot@1.6.32/dist/uPlot.iife.min.js" with {
  type: "text",
};
export { default as uplotStyle } from "npm:uplot@1.6.32/dist/uPlot.min.css" with { type: "text" };
