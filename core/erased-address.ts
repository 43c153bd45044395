/**
 * What is left where a reader's data were erased from mail that waits or that others wait for (core/erasure/).
 */

/** Why what is on a lane still is not sent; it is told to nobody. */
export const ERASED = "Erased: its reader's data were erased before it was sent";

/** Stands for an address: as long as it was, and none itself, without an at sign. */
export const erasedAddress = (bytes: number): string => '*'.repeat(bytes);

export const isErasedAddress = (address: string): boolean => /^\*+$/.test(address);
