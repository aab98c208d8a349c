/** What the program uses of Node's `path`, in a page: paths start at the root and have slashes. @module */

import { normalPath } from "./page_disk.ts";

export function join(...parts: string[]): string {
  const path = parts.filter((part) => part !== "").join("/");
  const normal = normalPath(path);
  return path.startsWith("/") ? normal || "/" : normal.slice(1) || ".";
}

export function resolve(...parts: string[]): string {
  const start = parts.findLastIndex((part) => part.startsWith("/"));
  return normalPath(parts.slice(Math.max(0, start)).join("/")) || "/";
}

export function dirname(path: string): string {
  const at = path.replace(/\/+$/, "").lastIndexOf("/");
  return at > 0 ? path.slice(0, at) : path.startsWith("/") ? "/" : ".";
}

export function basename(path: string): string {
  return path.replace(/\/+$/, "").split("/").pop()!;
}
