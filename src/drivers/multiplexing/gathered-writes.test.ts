import { PassThrough } from 'node:stream'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { GatheredWrites } from './gathered-writes.ts'

it('sends what is written in one turn, and by those who are told something in it, as one piece', async () => {
  const pieces: string[] = []
  const stream = new PassThrough()
  // oxlint-disable-next-line no-underscore-dangle -- as streams call it
  stream._write = (chunk, _encoding, done) => (pieces.push(String(chunk)), done())
  stream._writev = (chunks, done) => (pieces.push(chunks.map(({ chunk }) => String(chunk)).join('+')), done())
  const writes = new GatheredWrites()
  stream.write('a')
  writes.gather(stream)
  stream.write('b')
  writes.gather(stream)
  stream.write('c')
  void Promise.resolve()
    .then(() => undefined)
    .then(() => stream.write('d'))
  process.nextTick(() => stream.write('e'))
  expect(pieces).toEqual(['a'])
  await eventLoopTurn()
  expect(pieces).toEqual(['a', 'b+c+d', 'e'])
  writes.gather(stream)
  stream.write('f')
  await eventLoopTurn()
  stream.write('g')
  expect(pieces).toEqual(['a', 'b+c+d', 'e', 'f', 'g'])
})
