import { expect, it } from 'vitest'
import { DiscardedAnswer, type AnswerPacket } from './discarded-answer.ts'

/** What mysql2 makes of the bytes of a packet. */
function packet(...bytes: readonly number[]): AnswerPacket {
  const buffer = Buffer.from(bytes)
  let offset = 0
  const readInt16 = (): number => buffer.readUInt16LE((offset += 2) - 2)
  return {
    isError: () => buffer[0] === 0xff,
    isEOF: () => buffer[0] === 0xfe && buffer.length < 9,
    eofStatusFlags: () => buffer.readUInt16LE(3),
    readInt8: () => buffer[offset++]!,
    readInt16,
    readLengthCodedNumber: () => {
      const first = buffer[offset++]!
      if (first < 0xfb) return first
      return first === 0xfb ? null : readInt16()
    },
  }
}

const column = packet(3, 0x64, 0x65, 0x66)
const row = packet(1, 0x31)
/** A row whose first value takes more than 16 MB begins as an end does. */
const longRow = packet(0xfe, 0, 0, 0, 1, 0, 0, 0, 0, 0x78)
const end = (status = 2): AnswerPacket => packet(0xfe, 0, 0, status, 0)
const refused = packet(0xff, 0x51, 0x04)
/** A header without columns: numbers of rows and ids of one byte, or of three. */
const ok = (status = 2): AnswerPacket => packet(0, 1, 5, status, 0)
const largeOk = (status = 2): AnswerPacket => packet(0, 0xfc, 8, 8, 0xfc, 8, 8, status, 0)

it.each<readonly [string, readonly AnswerPacket[]]>([
  ['an error', [refused]],
  ['no columns', [ok()]],
  ['no columns, and large numbers', [largeOk()]],
  ['no rows', [packet(1), column, end(), end()]],
  ['rows', [packet(2), column, column, end(), row, row, row, end()]],
  ['more columns than one byte counts', [packet(0xfc, 0, 1), column, end(), row, end()]],
  ['a row that begins as an end does', [packet(1), column, end(), longRow, row, end()]],
  ['an error instead of columns', [packet(1), refused]],
  ['an error among rows', [packet(1), column, end(), row, refused]],
  ['several results', [packet(1), column, end(), row, end(2 | 8), packet(1), column, end(), end(2 | 8), ok()]],
  ['several results, first one without columns', [ok(8), largeOk(8 | 2), packet(1), column, end(), row, end()]],
  ['several results, and an error', [packet(1), column, end(8), row, end(8), refused]],
])('ends with the last packet of an answer of %s', (_, packets) => {
  const answer = new DiscardedAnswer()
  const over = packets.map((each) => answer.take(each))
  expect(over).toEqual(packets.map((_each, n) => n === packets.length - 1))
})
