/** The one source of chance in the core: drivers pass node:crypto, the simulator a seeded generator. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  below(below: number): number;
  /** `bytes` random bytes as base64url without padding. */
  name(bytes: number): string;
}
