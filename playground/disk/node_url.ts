/** What the program uses of Node's `url`, in a page. @module */

export function fileURLToPath(url: string | URL): string {
  return decodeURIComponent(new URL(url).pathname);
}
