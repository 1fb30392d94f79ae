import { expect, test } from 'vitest'
import { shortPosition } from './position.ts'

test.each([
  ['3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77', '3e11fa47…:1-77'],
  [
    '3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:1:3,8c0bfa47-71ca-11e1-9e33-c80aa9429562:5',
    '3e11fa47…:tag:1:3,8c0bfa47…:5',
  ],
  ['0-1-8,12345678-2-77', '0-1-8,12345678-2-77'],
  ['3:0/16B3748', '3:0/16B3748'],
  ['', ''],
])('%s takes little room in a table: %s', (text, expected) => {
  expect(shortPosition(text)).toBe(expected)
})
