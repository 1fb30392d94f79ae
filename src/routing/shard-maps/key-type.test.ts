import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalValue, compareValues, isOrdered, keyForms, keyTypes, type KeyType } from './key-type.ts'

const uuid = '0190a1b2-c3d4-7abc-8def-0123456789ab'
const uuidBytes = Uint8Array.from(Buffer.from(uuid.replaceAll('-', ''), 'hex'))

const forms: readonly (readonly [KeyType, string, readonly unknown[]])[] = [
  ['integer', '7', [7, 7n, '7', '07', '+7', ' 7\n', '0000007']],
  ['integer', '0', [0, -0, 0n, '-0', '000', '+0']],
  ['integer', '-7', [-7, -7n, '-7', '-007']],
  ['integer', '9007199254740991', [2 ** 53 - 1, '9007199254740991']],
  ['integer', '18446744073709551615', [2n ** 64n - 1n, '18446744073709551615']],
  ['text', 'Größe', ['Größe', 'Größe  ']],
  ['text', ' a b', [' a b', ' a b ']],
  ['text', '', ['', '  ']],
  ['binary-text', 'a ', ['a ']],
  ['caseless-text', 'anna@example.org', ['Anna@Example.ORG', 'anna@example.org  ']],
  ['uuid', uuid, [uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), `{${uuid}}`, `urn:uuid:${uuid}`, uuidBytes]],
  ['bytes', '00ff10', [Uint8Array.of(0, 255, 16), Buffer.from([0, 255, 16])]],
  ['date', '2024-02-29', ['2024-02-29']],
  [
    'instant',
    '2026-01-31T23:30:00.120000Z',
    [
      new Date(Date.UTC(2026, 0, 31, 23, 30, 0, 120)),
      '2026-01-31T23:30:00.12Z',
      '2026-02-01 00:30:00.120000+01',
      '2026-01-31 18:00:00.12-05:30',
      '2026-02-01t05:15:00.120+0545',
    ],
  ],
  ['instant', '2026-01-31T23:30:00.000001Z', ['2026-01-31 23:30:00.000001+00']],
]

it.each(forms)('%s: %s has one canonical text in all its forms', (type, text, values) => {
  expect(values.map((value) => canonicalValue(type, value))).toEqual(values.map(() => text))
})

const refused: Readonly<Record<KeyType, readonly unknown[]>> = {
  integer: [
    7.5,
    2 ** 53,
    -(2 ** 53),
    Infinity,
    Number.NaN,
    '7.0',
    '7e3',
    '0x10',
    '1_000',
    '',
    ' ',
    '+-7',
    '7 8',
    '9'.repeat(101),
    '\u00a07',
  ],
  text: [7, '\ud800', 'a\udc00b', Uint8Array.of(97)],
  'binary-text': [7, '\ud800'],
  'caseless-text': [7, 'Größe', 'a\u0000', 'a\tb', '\u00adab'],
  uuid: [
    uuid.slice(1),
    `${uuid}0`,
    `{${uuid}`,
    `${uuid}}`,
    uuid.replace('a', 'g'),
    '-'.repeat(36),
    uuidBytes.slice(1),
    7,
  ],
  bytes: ['00ff', [0, 255], new ArrayBuffer(2)],
  date: [
    new Date(),
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '0000-01-01',
    '20260101',
    '2026-01-01T00:00:00Z',
    20260101,
  ],
  instant: [
    new Date(Number.NaN),
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00.1234567Z',
    '2026-01-01T00:00:00+99',
    '0001-01-01T00:00:00+01',
    1_767_225_600_000,
  ],
}

describe.each(keyTypes)('%s', (type) => {
  it.each([...refused[type], null, undefined, true, {}, Symbol('x')])('refuses %s', (value) => {
    expect(canonicalValue(type, value)).toBeUndefined()
  })

  it('says what it takes', () => {
    expect(keyForms[type].length).toBeGreaterThan(10)
  })
})

it('canonical texts are canonical', () => {
  for (const [type, text] of forms.filter(([each]) => each !== 'bytes')) expect(canonicalValue(type, text)).toBe(text)
})

it('integers are compared by value', () => {
  const number = fc.oneof(fc.bigInt(), fc.bigInt({ min: -20n, max: 20n }))
  fc.assert(
    fc.property(number, number, (one, other) => {
      const order = compareValues('integer', String(one), String(other))
      expect(Math.sign(order)).toBe(one < other ? -1 : Number(one > other))
    }),
    { numRuns: 1_000 },
  )
})

it('text is compared by its bytes, also beyond the basic plane', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '🚦', '𐀀'),
    maxLength: 4,
  })
  fc.assert(
    fc.property(text, text, (one, other) => {
      const order = Buffer.compare(Buffer.from(one), Buffer.from(other))
      expect(Math.sign(compareValues('binary-text', one, other))).toBe(order)
    }),
    { numRuns: 1_000 },
  )
})

it('bytes, days and instants keep their order', () => {
  const bytes = fc.uint8Array({ maxLength: 4 })
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      const texts = [one, other].map((value) => canonicalValue('bytes', value) ?? '')
      expect(Math.sign(compareValues('bytes', texts[0] ?? '', texts[1] ?? ''))).toBe(Buffer.compare(one, other))
    }),
  )
  expect(compareValues('instant', '2026-01-31T23:30:00.000001Z', '2026-01-31T23:30:00.000010Z')).toBeLessThan(0)
  expect(keyTypes.filter(isOrdered)).toEqual(['integer', 'binary-text', 'bytes', 'date', 'instant'])
})
