/**
 * The names that parts of halod pass to each other, as branded strings, so that a slot is never handed over for a
 * node. They are plain strings and numbers on the wire.
 */

declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** A node: 20 characters of lower-case base32, the first 100 bits of SHA-256 of its Ed25519 public key. */
export type NodeId = Brand<string, 'NodeId'>;

/** One log of one activation of one slot's owner: 8 base64url characters (6 random bytes), never drawn twice. */
export type LineageId = Brand<string, 'LineageId'>;

/** One start of a node: milliseconds since 1970 at its start, raised above the last one it remembers. */
export type Boot = number;

/** Index into the table: 0 ≤ slot < slots. */
export type Slot = number;
