/**
 * Builds one batch of bytes in a buffer of its own. What is taken is a copy: a socket may still hold it when the next
 * batch is written.
 */

/** Room in front for the header of a WebSocket frame. */
export const ROOM = 14;

export class ByteWriter {
  #buffer: Buffer;
  #end = ROOM;

  constructor(bytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
  }

  get isEmpty(): boolean {
    return this.#end === ROOM;
  }

  get length(): number {
    return this.#end - ROOM;
  }

  /** ASCII only. */
  text(text: string): void {
    this.#reserve(text.length);
    this.#buffer.write(text, this.#end, 'latin1');
    this.#end += text.length;
  }

  bytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    bytes.copy(this.#buffer, this.#end);
    this.#end += bytes.length;
  }

  /** The batch, with 14 bytes of room in front. */
  take(): { readonly body: Buffer; readonly end: number } {
    const body = Buffer.from(this.#buffer.subarray(0, this.#end));
    const end = this.#end;
    this.#end = ROOM;
    return { body, end };
  }

  /** The batch alone. */
  takeBytes(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(ROOM, this.#end));
    this.#end = ROOM;
    return bytes;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#end + more));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
