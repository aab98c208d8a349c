/** Files and folders that are dropped anywhere on the page. @module */

/// <reference lib="dom" />

/** The files of a dropped file or folder, with their paths. */
async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject)
    );
    // A dropped file does not say where in the folder it was.
    const path = entry.fullPath.replace(/^\//, "");
    Object.defineProperty(file, "webkitRelativePath", { value: path.includes("/") ? path : "" });
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives its entries in parts, and none when it is through.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (part.length === 0) break;
    entries.push(...part);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** What was dropped: files, and those in folders. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<File[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  return entries.length > 0 ? (await Promise.all(entries.map(filesOf))).flat() : [...files];
}

/** Calls `use` with dropped files, those in folders included, unless a section of the page has taken them. */
export function fileDrops(use: (files: readonly File[]) => void): void {
  const { classList } = document.documentElement;
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    classList.add("dragging");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) classList.remove("dragging");
  });
  document.addEventListener("drop", async (event) => {
    classList.remove("dragging");
    if (event.defaultPrevented) return;
    event.preventDefault();
    const found = await droppedFiles(event.dataTransfer!);
    if (found.length > 0) use(found);
  });
}
