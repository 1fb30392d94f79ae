/** Finds a sequence of bytes in a stream, also where it lies across two chunks. */
export class BytePattern {
  readonly #wanted: Buffer
  #before: Buffer = Buffer.alloc(0)

  /** @throws RangeError if the pattern is empty: it would be found everywhere. */
  constructor(pattern: string | Uint8Array) {
    this.#wanted = Buffer.from(pattern)
    if (this.#wanted.length === 0) throw new RangeError('The pattern to look for must hold at least one byte.')
  }

  /** Whether the pattern ends within this chunk. */
  endsIn(chunk: Buffer): boolean {
    const text = Buffer.concat([this.#before, chunk])
    this.#before = text.subarray(Math.max(0, text.length - this.#wanted.length + 1))
    return text.includes(this.#wanted)
  }
}
