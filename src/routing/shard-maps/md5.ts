/** 128 bits, in four words without a sign. */
export type Digest = readonly [number, number, number, number]

/**
 * MD5 (RFC 1321) of the UTF-8 of a text, as four 32-bit numbers in the order of the digest's hexadecimal digits.
 *
 * For spreading keys, not for secrets. Written out here since routing uses no module of Node.js; for a key of usual length
 * it takes a fifth of the time of `node:crypto`, which makes an object for each digest (ADR 14).
 */
export function md5(text: string): Digest {
  const words = paddedWords(asciiBytes(text) ?? encoder.encode(text))
  let a = 0x67452301
  let b = 0xefcdab89 | 0
  let c = 0x98badcfe | 0
  let d = 0x10325476
  for (let block = 0; block < words.length; block += 16) {
    const a0 = a
    const b0 = b
    const c0 = c
    const d0 = d
    for (let step = 0; step < 64; step += 1) {
      let mixed: number
      let word: number
      if (step < 16) {
        mixed = (b & c) | (~b & d)
        word = step
      } else if (step < 32) {
        mixed = (d & b) | (~d & c)
        word = (5 * step + 1) & 15
      } else if (step < 48) {
        mixed = b ^ c ^ d
        word = (3 * step + 5) & 15
      } else {
        mixed = c ^ (b | ~d)
        word = (7 * step) & 15
      }
      const sum = (a + mixed + (sines[step] ?? 0) + (words[block + word] ?? 0)) | 0
      const shift = shifts[((step >> 4) << 2) | (step & 3)] ?? 0
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    a = (a + a0) | 0
    b = (b + b0) | 0
    c = (c + c0) | 0
    d = (d + d0) | 0
  }
  return [turned(a), turned(b), turned(c), turned(d)]
}

/** The same as 32 hexadecimal digits. */
export function md5Hex(text: string): string {
  return md5(text)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
}

const encoder = new TextEncoder()

/** RFC 1321, 3.4: the whole part of 2^32 times the absolute sine of 1, 2, … 64 radians. */
const sines = Int32Array.from({ length: 64 }, (_, index) => Math.floor(Math.abs(Math.sin(index + 1)) * 2 ** 32) | 0)

const shifts = Uint8Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)

function asciiBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit > 127) return undefined
    bytes[index] = unit
  }
  return bytes
}

/** The bytes as little-endian words, followed by a one bit, zeros, and the length in bits. */
function paddedWords(bytes: Uint8Array): Int32Array {
  const { length } = bytes
  const words = new Int32Array(((length + 8) >>> 6) * 16 + 16)
  for (let index = 0; index <= length; index += 1) {
    const byte = index < length ? (bytes[index] ?? 0) : 0x80
    words[index >> 2] = (words[index >> 2] ?? 0) | (byte << ((index & 3) * 8))
  }
  words[words.length - 2] = length << 3
  words[words.length - 1] = length >>> 29
  return words
}

function turned(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
