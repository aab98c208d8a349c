/**
 * Opens an MPI library and names its functions.
 *
 * @module
 */

import { messageOf, UserError } from "../../core/errors.ts";
import {
  familyOf,
  mpich,
  type MpiConstants,
  type MpiFamily,
  openMpi,
  standardAbi,
} from "./families.ts";

const functions = {
  MPI_Init: { parameters: ["usize", "usize"], result: "i32" },
  MPI_Finalize: { parameters: [], result: "i32" },
  MPI_Abort: { parameters: ["usize", "i32"], result: "i32" },
  MPI_Comm_rank: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Comm_size: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Get_library_version: { parameters: ["buffer", "buffer"], result: "i32" },
  MPI_Get_processor_name: { parameters: ["buffer", "buffer"], result: "i32" },
  MPI_Op_create: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  MPI_Test: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  MPI_Ibarrier: { parameters: ["usize", "buffer"], result: "i32" },
  MPI_Ibcast: {
    parameters: ["buffer", "i32", "usize", "i32", "usize", "buffer"],
    result: "i32",
  },
  MPI_Iallreduce: {
    parameters: ["usize", "buffer", "i32", "usize", "usize", "usize", "buffer"],
    result: "i32",
  },
  MPI_Iallgather: {
    parameters: ["buffer", "i32", "usize", "buffer", "i32", "usize", "usize", "buffer"],
    result: "i32",
  },
} as const;

/** An open MPI library. */
export interface MpiLibrary {
  readonly path: string;
  readonly family: MpiFamily;
  readonly constants: MpiConstants;
  readonly calls: Deno.DynamicLibrary<typeof functions>["symbols"];
}

const cString = (text: string) => new TextEncoder().encode(`${text}\0`);

/**
 * The system's own loader, which makes symbols visible to plugins and provides the addresses of constants.
 */
function openLoader() {
  const path = Deno.build.os === "darwin" ? "libSystem.dylib" : "libc.so.6";
  return Deno.dlopen(path, {
    dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
    dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
    dlerror: { parameters: [], result: "pointer" },
  });
}

/** RTLD_NOW | RTLD_GLOBAL: OpenMPI's components look for symbols of the library that loads them. */
const nowAndGlobal = Deno.build.os === "darwin" ? 0xa : 0x102;

/**
 * Opens the MPI library at a path, or the first one found by name.
 *
 * @param path null for the usual names
 * @param isOpenMpi whether OpenMPI's launcher started this process: its library is tried first
 * @throws UserError if there is none, or the permission for foreign functions is missing
 */
export function openLibrary(path: string | null, isOpenMpi: boolean): MpiLibrary {
  const families = isOpenMpi ? [openMpi, standardAbi, mpich] : [mpich, standardAbi, openMpi];
  const names = path !== null ? [path] : families.flatMap(({ libraries }) => libraries);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new UserError("Cannot use MPI: foreign functions are not permitted", {
      hint: "run with --allow-ffi",
    });
  }
  const loader = openLoader();
  const failures: string[] = [];
  for (const name of names) {
    const handle = loader.symbols.dlopen(cString(name), nowAndGlobal);
    if (handle === null) {
      const reason = loader.symbols.dlerror();
      failures.push(reason === null ? name : Deno.UnsafePointerView.getCString(reason));
      continue;
    }
    const find = (symbol: string) => loader.symbols.dlsym(handle, cString(symbol));
    const addressOf = (symbol: string) => {
      const address = find(symbol);
      if (address === null) throw new Error(`Cannot find "${symbol}" in ${name}`);
      return Deno.UnsafePointer.value(address);
    };
    try {
      const { symbols } = Deno.dlopen(name, functions);
      const family = familyOf(name, (symbol) => find(symbol) !== null);
      return { path: name, family, constants: family.constants(addressOf), calls: symbols };
    } catch (error) {
      failures.push(`${name} (${messageOf(error)})`);
    }
  }
  throw new UserError(
    path === null
      ? `Cannot find an MPI library: tried ${names.join(", ")}`
      : `Cannot open the MPI library "${path}": ${failures[0]}`,
    {
      hint: path === null
        ? "install one (Debian: apt-get install openmpi-bin libopenmpi3), or give --mpi-library FILE"
        : "give the file of the library that belongs to your mpirun",
    },
  );
}
