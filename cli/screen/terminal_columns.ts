/** How wide the terminal is. Nothing is imported here: the first start asks before there are any libraries. @module */

/**
 * Columns of the terminal; the most common number if there is none any more, for instance because
 * its user closed it.
 */
export function terminalColumns(): number {
  try {
    // 0 if nobody said how large it is, as in a container.
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
