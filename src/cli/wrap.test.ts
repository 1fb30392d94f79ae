import { expect, it } from 'vitest'
import { wrap } from './wrap.ts'

it('breaks at spaces, keeps line breaks and long words, and indents', () => {
  expect(wrap('one two three', 8)).toBe('one two\nthree')
  expect(wrap('one two three', 9, '  ')).toBe('  one two\n  three')
  expect(wrap('a\nb', 80, '> ')).toBe('> a\n> b')
  expect(wrap('unbreakable', 4)).toBe('unbreakable')
  expect(wrap('', 10)).toBe('')
})
