import { compareKeys, type ValueOrder, withoutEnding } from './value-order.ts'

const space = 0x20
const form = 'a text'

/**
 * By the bytes of UTF-8, which is the order of the code points. JavaScript compares UTF-16 code units, and these put
 * 'ﬀ' (U+FB00) behind '😀' (U+1F600, the units D83D DE00).
 */
export const bytewiseTexts: ValueOrder<string> = {
  form,
  keyOf: (value) => (typeof value === 'string' ? codePointKey(value) : undefined),
  compare: compareKeys,
}

/** As `bytewiseTexts`, without the spaces at the end. */
export const trimmedTexts: ValueOrder<string> = {
  form,
  keyOf: (value) => (typeof value === 'string' ? codePointKey(withoutEnding(value, ' ')) : undefined),
  compare: compareKeys,
}

/**
 * As `bytewiseTexts`, but the shorter text counts as if it went on with spaces. That is more than to ignore the spaces at
 * the end: 'a\t' comes before 'a'.
 */
export const paddedTexts: ValueOrder<string> = {
  form,
  keyOf: (value) => (typeof value === 'string' ? codePointKey(value) : undefined),
  compare: (a, b) => {
    const common = Math.min(a.length, b.length)
    const difference = compareKeys(a.slice(0, common), b.slice(0, common))
    if (difference !== 0) return difference
    return againstSpaces(a, common) - againstSpaces(b, common)
  },
}

/**
 * SQLite's NOCASE: as `bytewiseTexts` with A–Z as a–z. At a NUL in both it stops, and the number of bytes decides.
 */
export const caselessTexts: ValueOrder<string> = {
  form,
  keyOf: (value) => {
    if (typeof value !== 'string') return undefined
    const folded = codePointKey(value.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()))
    const nul = folded.indexOf('\0')
    if (nul === -1) return folded
    const bytes = Buffer.byteLength(value)
    return folded.slice(0, nul + 1) + String.fromCharCode(bytes >>> 16, bytes & 0xffff)
  },
  compare: compareKeys,
}

/** UUIDs by their bytes, in any spelling. */
export const uuids: ValueOrder<string> = {
  form: 'a UUID as text',
  keyOf: (value) => {
    if (typeof value !== 'string') return undefined
    const digits = value.replaceAll('-', '').toLowerCase()
    return /^[0-9a-f]{32}$/.test(digits) ? digits : undefined
  },
  compare: compareKeys,
}

/**
 * A text whose code units compare as the code points of the given one: surrogates (D800–DFFF) change places with what is
 * behind them (E000–FFFF).
 */
function codePointKey(text: string): string {
  if (!/[\ud800-\uffff]/.test(text)) return text
  let key = ''
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800) key += text[i]
    else key += String.fromCharCode(unit < 0xe000 ? unit + 0x2000 : unit - 0x800)
  }
  return key
}

/** How what follows in `text` from `start` compares with spaces. */
function againstSpaces(text: string, start: number): number {
  for (let i = start; i < text.length; i += 1) {
    const difference = text.charCodeAt(i) - space
    if (difference !== 0) return difference
  }
  return 0
}
