import { describe, expect, it } from 'vitest'
import { executePacket } from './execute-packet.ts'

/** The values of a packet, read by the rules of the protocol. */
function valuesOf(packet: Buffer, count: number): readonly unknown[] {
  const nullBytes = (count + 7) >> 3
  expect(packet.readUIntLE(0, 3)).toBe(packet.length - 4)
  expect(packet[14 + nullBytes]).toBe(1)
  let at = 15 + nullBytes + 2 * count
  const values = Array.from({ length: count }, (_, n) => {
    const type = packet.readUInt16LE(15 + nullBytes + 2 * n)
    const isNull = (packet[14 + (n >> 3)]! & (1 << (n & 7))) !== 0
    expect(isNull).toBe(type === 6)
    if (isNull) return null
    if (type === 8) return packet.readBigInt64LE((at += 8) - 8)
    if (type === 3) return BigInt(packet.readInt32LE((at += 4) - 4))
    expect([type, packet[at]]).toEqual([253, 0xfc])
    const bytes = packet.readUInt16LE(at + 1)
    at += 3 + bytes
    return packet.toString('utf8', at - bytes, at)
  })
  expect(at).toBe(packet.length)
  return values
}

describe('packets that execute prepared statements', () => {
  it('are those of the protocol', () => {
    expect(executePacket(0x01020304, [5, null, 'é'])?.toString('hex')).toBe(
      ['1b0000', '00', '17', '04030201', '00', '01000000', '02', '01', '0300', '0600', 'fd00'].join('') +
        ['05000000', 'fc0200', 'c3a9'].join(''),
    )
  })

  it.each([
    [
      [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1],
      [0n, 0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, -(2n ** 32n) - 1n],
    ],
    [
      [2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 31 - 1],
      [2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 31n - 1n],
    ],
    [
      ['', 'a', '𝒳é', '\ud800', 'x'.repeat(20_000)],
      ['', 'a', '𝒳é', '\ufffd', 'x'.repeat(20_000)],
    ],
    [
      Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? null : n)),
      Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? null : BigInt(n))),
    ],
  ])('hold %j', (given, expected) => {
    expect(valuesOf(executePacket(1, given)!, given.length)).toEqual(expected)
  })

  it.each([
    [1.5],
    [1e21],
    [NaN],
    [Infinity],
    [2 ** 53],
    [7n],
    [undefined],
    [new Date(0)],
    [Buffer.from('x')],
    [[1]],
    [{}],
    ['x'.repeat(30_000)],
    [true],
    ["it's"],
    ['"'],
    ['a\\b'],
    ['\n'],
    ['\0'],
  ])('are not made with %o', (value) => {
    expect(executePacket(1, [1, value])).toBeUndefined()
  })
})
