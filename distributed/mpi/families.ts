/**
 * The differences between MPI libraries: how the constants in `mpi.h` are passed.
 *
 * OpenMPI's are addresses of symbols in the library; those of MPICH (and of everything with its ABI: Intel MPI,
 * MVAPICH, Cray MPICH) and of MPI 5's standard ABI are numbers. A 32-bit handle can be passed in a 64-bit
 * register or stack slot, so a single set of signatures fits all three.
 *
 * @module
 */

/** The constants that mimic uses, in the form that a foreign function takes. */
export interface MpiConstants {
  readonly world: bigint;
  readonly float: bigint;
  readonly byte: bigint;
  readonly uint16: bigint;
  readonly sum: bigint;
  readonly max: bigint;
  readonly inPlace: bigint;
  readonly statusIgnore: bigint;
}

/** A family of libraries. */
export interface MpiFamily {
  readonly name: "openmpi" | "mpich" | "abi";
  /** File names of its libraries, most likely first. */
  readonly libraries: readonly string[];
  /** The constants; `addressOf` finds a symbol in the library. */
  constants(addressOf: (symbol: string) => bigint): MpiConstants;
}

/** OpenMPI 1.7 … 5. */
export const openMpi: MpiFamily = {
  name: "openmpi",
  libraries: ["libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"],
  constants: (addressOf) => ({
    world: addressOf("ompi_mpi_comm_world"),
    float: addressOf("ompi_mpi_float"),
    byte: addressOf("ompi_mpi_byte"),
    uint16: addressOf("ompi_mpi_uint16_t"),
    sum: addressOf("ompi_mpi_op_sum"),
    max: addressOf("ompi_mpi_op_max"),
    inPlace: 1n,
    statusIgnore: 0n,
  }),
};

/** The MPICH ABI (https://www.mpich.org/abi/), with `MPI_UNSIGNED_SHORT` for 16 bits. */
export const mpich: MpiFamily = {
  name: "mpich",
  libraries: ["libmpi.so.12", "libmpich.so.12", "libmpi.12.dylib"],
  constants: () => ({
    world: 0x44000000n,
    float: 0x4c00040an,
    byte: 0x4c00010dn,
    uint16: 0x4c000204n,
    sum: 0x58000003n,
    max: 0x58000001n,
    inPlace: 0xffff_ffff_ffff_ffffn,
    statusIgnore: 1n,
  }),
};

/** The standard ABI of MPI 5.0 (chapter 20), whatever library implements it. */
export const standardAbi: MpiFamily = {
  name: "abi",
  libraries: ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib"],
  constants: () => ({
    world: 0x101n,
    float: 0x210n,
    byte: 0x247n,
    uint16: 0x249n,
    sum: 0x21n,
    max: 0x23n,
    inPlace: 1n,
    statusIgnore: 0n,
  }),
};

/** The family of an open library, judging by its name and symbols. */
export function familyOf(path: string, hasSymbol: (symbol: string) => boolean): MpiFamily {
  if (/mpi_abi[^/]*$/.test(path)) return standardAbi;
  return hasSymbol("ompi_mpi_comm_world") ? openMpi : mpich;
}
