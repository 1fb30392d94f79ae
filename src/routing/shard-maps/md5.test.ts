import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { md5, md5Hex } from './md5.ts'

// RFC 1321, A.5.
it.each([
  ['', 'd41d8cd98f00b204e9800998ecf8427e'],
  ['a', '0cc175b9c0f1b6a831c399e269772661'],
  ['abc', '900150983cd24fb0d6963f7d28e17f72'],
  ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
  ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
  ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
])('has the digest of the RFC for %j', (text, digest) => {
  expect(md5Hex(text)).toBe(digest)
})

it('is that of node:crypto, for texts of every length around the ends of blocks', () => {
  for (let length = 0; length <= 200; length += 1) {
    const text = 'x'.repeat(length)
    expect(md5Hex(text), String(length)).toBe(createHash('md5').update(text).digest('hex'))
  }
})

it('and for texts of any characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 150 }), (text) => {
      expect(md5Hex(text)).toBe(createHash('md5').update(text).digest('hex'))
    }),
    { numRuns: 500 },
  )
})

it('has words in the order of its digits, without a sign', () => {
  expect([...md5('a')]).toEqual([0x0cc175b9, 0xc0f1b6a8, 0x31c399e2, 0x69772661])
})
