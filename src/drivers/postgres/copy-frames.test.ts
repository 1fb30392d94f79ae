import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CopyFrames } from './copy-frames.ts'

interface Message {
  readonly type: string
  readonly content: Buffer
}

function framed({ type, content }: Message): Buffer {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeUInt32BE(content.length + 4, 1)
  return Buffer.concat([header, content])
}

/** What comes of the chunks of some messages: the data of the copy, its rows, and the other messages. */
function taken(messages: readonly Message[], sizes: readonly number[]): { data: string; rows: number; others: string } {
  const bytes = Buffer.concat(messages.map(framed))
  const result = { data: '', rows: 0, others: '' }
  let isOver = false
  const frames = new CopyFrames({
    data: (some, rows) => {
      result.data += some.toString('latin1')
      result.rows += rows
    },
    message: (some, isLast) => {
      expect(isOver).toBe(false)
      result.others += some.toString('latin1')
      isOver = isLast
    },
  })
  let at = 0
  for (let index = 0; at < bytes.length; index += 1) {
    const end = at + (sizes[index % sizes.length] ?? 1)
    if (!isOver) frames.take(bytes.subarray(at, end))
    else result.others += bytes.subarray(at, end).toString('latin1')
    at = end
  }
  return result
}

const content = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
const message = fc.record({ type: fc.constantFrom('d', 'd', 'd', 'd', 'N', 'S', 'H', 'c'), content })
const last: Message = { type: 'Z', content: Buffer.from('I') }

it('takes the data of a copy out of what the server sends, however that is cut up', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 }),
      (messages, sizes) => {
        const data = messages.filter(({ type }) => type === 'd')
        const others = [
          ...messages.filter(({ type }) => ['N', 'S'].includes(type)),
          last,
          { type: 'T', content: Buffer.from('next') },
        ]
        const all = [...messages, ...others.slice(-2)]
        expect(taken(all, sizes)).toEqual({
          data: Buffer.concat(data.map((each) => each.content)).toString('latin1'),
          rows: data.length,
          others: Buffer.concat(others.map(framed)).toString('latin1'),
        })
      },
    ),
  )
})
