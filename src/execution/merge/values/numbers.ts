import { compareKeys, type ValueOrder, withoutEnding } from './value-order.ts'

const integerText = /^-?\d+$/
const floatText = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|-?Infinity|NaN)$/i
const decimalText = /^([+-]?)0*(\d*)(?:\.(\d*))?$/
/** Integer texts of so many characters are exact as JavaScript's numbers, which compare faster than bigints. */
const exactDigits = 15

/** Integers of any length. */
export const integers: ValueOrder<number | bigint> = {
  form: 'a whole number up to 2^53, a bigint, the text of a whole number, or a number with decimals',
  keyOf: (value) => {
    if (typeof value === 'number') {
      // Beyond that, what the driver has made of it may be another number than the server's.
      return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value)) ? value : undefined
    }
    if (typeof value === 'bigint') return value
    if (typeof value !== 'string' || !integerText.test(value)) return undefined
    return value.length <= exactDigits ? Number(value) : BigInt(value)
  },
  compare: compareKeys,
}

/** Floating point: NaN equals itself and is above all others; -0 equals 0. */
export const floats: ValueOrder<number> = {
  form: 'a number, or the text of one',
  keyOf: (value) => {
    if (typeof value === 'number') return value
    return typeof value === 'string' && floatText.test(value) ? Number(value) : undefined
  },
  compare: (a, b) => {
    if (a < b) return -1
    if (a > b) return 1
    if (a === b) return 0
    return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  },
}

/**
 * Decimals of any length; -Infinity below and Infinity and NaN above all. The key is a text whose own order is that of the
 * numbers: sign, digits before the point, the digits. Those of negative numbers are turned round.
 */
export const decimals: ValueOrder<string> = {
  form: 'a bigint, or the text of a decimal without exponent (a number may be rounded)',
  keyOf: (value) => {
    if (typeof value === 'bigint') return decimalKey(String(value))
    return typeof value === 'string' ? decimalKey(value) : undefined
  },
  compare: compareKeys,
}

export const booleans: ValueOrder<number> = {
  form: "true, false, 1 or 0, or PostgreSQL's text t or f",
  keyOf: (value) => {
    if (typeof value === 'boolean') return Number(value)
    if (value === 't' || value === 'f') return Number(value === 't')
    if (typeof value === 'bigint') return value === 0n || value === 1n ? Number(value) : undefined
    return value === 0 || value === 1 ? value : undefined
  },
  compare: compareKeys,
}

const below = '0'
const negative = '1'
const positive = '2'
const above = '3'
const notANumber = '4'
/** Behind every digit: of two negative numbers, the one that goes on is the lesser. */
const end = ':'

function decimalKey(text: string): string | undefined {
  const match = decimalText.exec(text)
  if (match === null || !/\d/.test(text)) return special(text)
  const [, sign = '', whole = '', fraction = ''] = match
  const digits = whole + withoutEnding(fraction, '0')
  const length = whole.length
  if (sign !== '-' || digits === '') return positive + lengthKey(length) + digits
  return negative + lengthKey(0xffff_ffff - length) + complement(digits) + end
}

function special(text: string): string | undefined {
  if (text === '-Infinity') return below
  if (text === 'Infinity') return above
  return text === 'NaN' ? notANumber : undefined
}

function lengthKey(length: number): string {
  return String.fromCharCode(length >>> 16, length & 0xffff)
}

function complement(digits: string): string {
  return digits.replace(/\d/g, (digit) => String(9 - Number(digit)))
}
