/** What stands for a recipient's address that was erased from mail that others wait for: as long as it was, and no address, without an at sign. */

export const erasedAddress = (bytes: number): string => '*'.repeat(bytes);

export const isErasedAddress = (address: string): boolean => /^\*+$/.test(address);
