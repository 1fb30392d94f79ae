import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conversionOf } from './conversion.ts'
import { canonicalText, decimalText, floatText, ValueRefused, type Kind } from './kind.ts'

describe('the canonical text of a decimal', () => {
  it.each([
    ['1.50', '1.5'],
    ['-0.00', '0'],
    ['+7', '7'],
    ['.5', '0.5'],
    ['00012.0', '12'],
    ['1e3', '1000'],
    ['1.25e-4', '0.000125'],
    ['-12345678901234567890.10', '-12345678901234567890.1'],
  ])('%s is %s', (text, expected) => {
    expect(decimalText(text)).toBe(expected)
  })

  it('is one for all ways to write a number', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 20 }),
        (digits, scale, zeros) => {
          // The same number with a point, with zeros behind, and with an exponent.
          const plain = `${digits}`.replace('-', '').padStart(scale + 1, '0')
          const sign = digits < 0n ? '-' : ''
          const point = plain.length - scale
          const pointed = `${sign}${plain.slice(0, point)}.${plain.slice(point)}`
          const text = decimalText(`${pointed}${'0'.repeat(zeros)}`)
          expect(decimalText(`${digits}e-${scale}`)).toBe(text)
          expect(decimalText(text)).toBe(text)
          expect(Number(text)).toBe(Number(pointed))
        },
      ),
    )
  })

  it.each(['', '.', 'NaN', 'seven', '1,5', '1e999999'])('%j is none', (text) => {
    expect(() => decimalText(text)).toThrow(ValueRefused)
  })
})

it('a double is what its text means, to the last bit', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(Object.is(Number(floatText(Object.is(value, -0) ? '-0' : String(value))), value)).toBe(true)
    }),
  )
})

it.each([
  ['date', '2024-13-41', true],
  ['date', '2024-00-10', false],
  ['date', '0000-00-00', false],
  ['date', '10000-01-01', false],
  ['time', '24:00:00', true],
  ['time', '24:00:01', false],
  ['time', '-01:00:00', false],
  ['timestamp', '2024-01-01T00:00:00.500Z', true],
  ['timestamp', '2024-01-01 00:00:00+02', false],
  ['uuid', '0190A1B2C3D47ABC8DEF0123456789AB', true],
  ['uuid', '0190', false],
  ['boolean', 'yes', false],
  ['integer', '1.0', false],
] as const)('%s: %s is one: %s', (kind, text, isOne) => {
  const canonical = (): string => canonicalText(kind, text)
  if (!isOne) expect(canonical).toThrow(ValueRefused)
  // Whether there is such a day the servers say.
  else expect(canonicalText(kind, canonical())).toBe(canonical())
})

it('what becomes another kind and comes back is what it was', () => {
  const values: Readonly<Partial<Record<Kind, readonly string[]>>> = {
    boolean: ['true', 'false'],
    integer: ['0', '-7', '9007199254740991'],
    date: ['2024-02-29'],
    time: ['23:59:59.25'],
    timestamp: ['2024-02-29 23:59:59.25'],
    instant: ['2024-02-29 23:59:59.25'],
    uuid: ['0190a1b2-c3d4-7abc-8def-0123456789ab'],
    json: ['{"a":1}'],
  }
  let tried = 0
  for (const [from, texts] of Object.entries(values) as [Kind, readonly string[]][]) {
    for (const to of ['boolean', 'integer', 'decimal', 'text', 'timestamp', 'instant'] as const) {
      const [there, back] = [conversionOf(from, to), conversionOf(to, from)]
      if (there === undefined || back === undefined) continue
      for (const text of texts) {
        if (from === 'integer' && to === 'boolean') continue
        tried += 1
        expect(back(there(text)), `${from} to ${to}`).toBe(text)
      }
    }
  }
  expect(tried).toBeGreaterThan(15)
})
