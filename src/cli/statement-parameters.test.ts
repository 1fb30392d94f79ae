import { expect, it } from 'vitest'
import { readParameters } from './statement-parameters.ts'
import { UsageError } from './usage-error.ts'

it.each([
  [['7', 'a'], [], ['7', 'a']],
  [[], ['7', '"a"', 'null', '[1,2]', '{"a":1}'], [7, 'a', null, [1, 2], { a: 1 }]],
  [['x'], ['2'], ['x', 2]],
  [[], ['id=7', ':name="a=b"', '@list=[1]'], { id: 7, name: 'a=b', list: [1] }],
  [[], [], []],
])('of the texts %j and the JSON %j makes %j', (texts, json, expected) => {
  expect(readParameters(texts, json)).toEqual(expected)
})

it('refuses what is no JSON, and both kinds at once', () => {
  expect(() => readParameters([], ['shop'])).toThrow(UsageError)
  expect(() => readParameters([], ['name=shop'])).toThrow(/"shop" is no JSON/)
  expect(() => readParameters(['7'], ['id=7'])).toThrow(/not both/)
})
