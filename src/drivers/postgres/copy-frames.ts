/** What a {@link CopyFrames} finds in what the server sends. */
export interface FrameTaker {
  /** Data of the copy, and how many rows have begun in it: the server sends each as a message of its own. */
  data(bytes: Buffer, rows: number): void
  /** A whole message that is no part of the copy. `isLast`: the server is ready for the next statement. */
  message(bytes: Buffer, isLast: boolean): void
}

const copyData = 'd'.charCodeAt(0)
const readyForQuery = 'Z'.charCodeAt(0)
/** `CopyOutResponse` and `CopyDone`: `pg` knows nothing to do with them. */
const dropped: ReadonlySet<number> = new Set(['H', 'c'].map((type) => type.charCodeAt(0)))
const headerLength = 5

/**
 * Takes the messages of a bulk copy out of what the server sends, which is cheaper by far than an event for each row. A message has a byte for its
 * type, four for the length of itself without that byte, and its content.
 */
export class CopyFrames {
  readonly #taker: FrameTaker
  /** The beginning of a message: a header that is not complete, or of one that is no data of the copy. */
  #rest: Buffer | undefined
  /** Bytes to come of the content of a message that has begun with an earlier chunk. */
  #missing = 0

  constructor(taker: FrameTaker) {
    this.#taker = taker
  }

  /** Takes what has come in. What is behind the last message is given as a message as well. */
  take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    // Contents only become fewer than what they are cut from.
    const data = Buffer.allocUnsafe(bytes.length)
    let length = 0
    let rows = 0
    let at = Math.min(this.#missing, bytes.length)
    if (at > 0) {
      length = bytes.copy(data, 0, 0, at)
      this.#missing -= at
    }
    while (at < bytes.length) {
      const end = at + headerLength > bytes.length ? Infinity : at + 1 + bytes.readUInt32BE(at + 1)
      const type = bytes[at]!
      if (type === copyData && end !== Infinity) {
        rows += 1
        const until = Math.min(end, bytes.length)
        length += bytes.copy(data, length, at + headerLength, until)
        this.#missing = end - until
        at = until
        continue
      }
      if (end > bytes.length) {
        this.#rest = bytes.subarray(at)
        break
      }
      if (rows > 0 || length > 0) this.#taker.data(data.subarray(0, length), rows)
      if (type === readyForQuery) {
        this.#taker.message(bytes.subarray(at), true)
        return
      }
      if (!dropped.has(type)) this.#taker.message(bytes.subarray(at, end), false)
      return this.take(bytes.subarray(end))
    }
    if (rows > 0 || length > 0) this.#taker.data(data.subarray(0, length), rows)
  }
}
