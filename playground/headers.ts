/**
 * What a host says of the page's files.
 *
 * @module
 */

/** Shared memory, which the threads of the `cpu` backend need, wants a page of its own. */
export const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * What the page may ask for: its own files. `index.html` says the same for hosts without headers, but a
 * worker only follows those that it came with.
 */
export const contentPolicy = "default-src 'none'; " +
  "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
  "img-src 'self' blob: data:; connect-src 'self'; form-action 'none'; base-uri 'none'";

const headers = { "content-security-policy": contentPolicy, ...isolation };

/** The file of headers that static hosts such as Netlify and Cloudflare Pages read. */
export const headersFile = ["/*", ...Object.entries(headers).map((pair) => `  ${pair.join(": ")}`)]
  .join("\n") + "\n";
