import fc from 'fast-check'

/** Always the same values: a failure can be repeated. */
const seed = 20_261_121

/** At least 300 values for one column, as the server takes them: made ones, and the hand-picked ones twice. */
export function nasty<T>(arbitrary: fc.Arbitrary<T>, picked: readonly T[]): (T | null)[] {
  const made = fc.sample(arbitrary, { seed, numRuns: 300 })
  // Some NULLs, and some values that are equal to others.
  return [null, null, null, ...picked, ...picked, ...made, ...made.slice(0, 20)]
}

const characters = (list: string) => Array.from(list)
const digits = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters('0123456789')), minLength: 1, maxLength })
const padded = (number: number, length: number) => String(number).padStart(length, '0')

export function integers(min: bigint, max: bigint): fc.Arbitrary<string> {
  const small = fc.bigInt({ min: min < -20n ? -20n : min, max: 20n })
  return fc.oneof(fc.bigInt({ min, max }), small).map(String)
}

/** Many of them differ only far behind the point. */
export function decimals(most: { whole: number; fraction: number }): fc.Arbitrary<string> {
  const whole = fc.oneof(digits(most.whole), fc.constantFrom('0', '1', '9007199254740993'))
  const fraction = fc.oneof(
    digits(most.fraction),
    fc.constantFrom('0', '5', '50', '000000000000001', '000000000000002'),
  )
  return fc
    .tuple(fc.boolean(), whole, fc.option(fraction))
    .map(([minus, whole, fraction]) => `${minus ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`)
}

/** Short words of characters whose order is disputed. */
export function texts(extra: readonly string[] = []): fc.Arbitrary<string> {
  const units = ['a', 'B', 'b', 'A', 'z', 'Z', '_', '[', '~', ' ', '\t', '\n', '\u0001', '!', '0', ...extra]
  const wide = [
    'é',
    'É',
    'ß',
    'ı',
    'ſ',
    'ﬀ',
    '\ud7ff',
    '\ue000',
    '\uffee',
    '😀',
    '\u{10000}',
    '\u{10fffd}',
    '日',
    '\u0301',
  ]
  const ascii = fc.string({ unit: fc.constantFrom(...units), maxLength: 6 })
  return fc.oneof(ascii, fc.string({ unit: fc.constantFrom(...units, ...wide), maxLength: 5 }))
}

export const asciiTexts = fc.string({ unit: fc.constantFrom(...characters('aAbBzZ_[ \t!0')), maxLength: 6 })

export const pickedTexts = [
  '',
  ' ',
  '  ',
  'a',
  'a ',
  'a  ',
  'a\t',
  'a\n',
  'a!',
  'A',
  'a a',
  'ﬀ',
  '😀',
  'ﬀa',
  '😀a',
  'aﬀ',
  'a😀',
  '_',
  'Z',
]

export const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.array(fc.constantFrom(0, 32, 127, 128, 255), { maxLength: 4 }).map((list) => Uint8Array.from(list)),
)

export const pickedBytes = [[], [0], [0, 0], [255], [127], [128], [32]].map((list) => Uint8Array.from(list))

export function days(years: { min: number; max: number }): fc.Arbitrary<string> {
  const year = fc.oneof(fc.integer(years), fc.constantFrom(1971, 1999, 2000, 2024))
  return fc.tuple(year, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 })).map(([year, month, day]) => {
    const date = `${padded(year > 0 ? year : 1 - year, 4)}-${padded(month, 2)}-${padded(day, 2)}`
    return year > 0 ? date : `${date} BC`
  })
}

/** Fractions from none to the microsecond, many of them equal but for the length. */
const fraction = fc
  .oneof(digits(6), fc.constantFrom('5', '50', '500000', '000001', '4999', '1231', '1232'))
  .map((each) => `.${each}`)

export const clocks = fc
  .tuple(
    fc.integer({ min: 0, max: 23 }),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 59 }),
    fc.option(fraction),
  )
  .map(
    ([hour, minute, second, fraction]) =>
      `${padded(hour, 2)}:${padded(minute, 2)}:${padded(second, 2)}${fraction ?? ''}`,
  )

export function moments(years: { min: number; max: number }): fc.Arbitrary<string> {
  const spread = fc.tuple(days(years), clocks).map(([day, clock]) => {
    const [date = '', bc] = day.split(' ')
    return `${date} ${clock}${bc === undefined ? '' : ' BC'}`
  })
  // Close to each other: around a change of the clocks, within one second.
  const close = fc
    .tuple(fc.constantFrom('2024-03-31 01:59:59', '2024-03-31 02:30:00', '2024-10-27 02:30:00'), fc.option(fraction))
    .map(([moment, fraction]) => moment + (fraction ?? ''))
  return fc.oneof(spread, close)
}

export const offsets = fc.constantFrom('+00', '+05:30', '-08', '+13:45', '-00:44:30')
