import { expect, it } from 'vitest'
import { OwnerMemory } from './owner-memory.ts'

function memory(cachedKeys = 10): { readonly clock: { ms: number }; readonly owners: OwnerMemory } {
  const clock = { ms: 0 }
  return { clock, owners: new OwnerMemory({ cachedKeys, maxStalenessMs: 100, now: () => clock.ms }) }
}

it('counts from when the question was asked, not from when the answer came', () => {
  const { clock, owners } = memory()
  clock.ms = 50
  owners.note('7', { shard: 'a', epoch: 1 }, 0)
  clock.ms = 99
  expect(owners.shardOf('7')).toBe('a')
  clock.ms = 100
  expect(owners.shardOf('7')).toBeUndefined()
})

it('takes no answer that is older than what it knows', () => {
  const { clock, owners } = memory()
  owners.note('7', { shard: 'b', epoch: 2 }, 10)
  owners.note('7', { shard: 'a', epoch: 1 }, 20)
  expect(owners.shardOf('7')).toBe('b')
  // Two who asked for the same: the later question counts.
  owners.note('7', { shard: 'b', epoch: 2 }, 5)
  clock.ms = 109
  expect(owners.shardOf('7')).toBe('b')
})

it('what was forgotten does not come back by an answer that was on its way', () => {
  const { owners } = memory()
  owners.note('7', { shard: 'a', epoch: 1 }, 0)
  owners.forget('7', 2)
  expect(owners.shardOf('7')).toBeUndefined()
  owners.note('7', { shard: 'a', epoch: 1 }, 0)
  expect(owners.shardOf('7')).toBeUndefined()
  owners.note('7', { shard: 'b', epoch: 2 }, 0)
  expect(owners.shardOf('7')).toBe('b')
  // Somebody learns late that the shard before had given it away.
  owners.forget('7', 1)
  expect(owners.shardOf('7')).toBe('b')
})

it('what is forgotten without an epoch is asked for anew', () => {
  const { owners } = memory()
  owners.note('7', { shard: 'a', epoch: 3 }, 0)
  owners.forget('7')
  expect(owners.shardOf('7')).toBeUndefined()
  owners.note('7', { shard: 'a', epoch: 3 }, 0)
  expect(owners.shardOf('7')).toBe('a')
})

it('that a shard knows its key is true of that shard and that epoch', () => {
  const { owners } = memory()
  owners.note('7', { shard: 'a', epoch: 1 }, 0)
  owners.noteLocal('7', 'b')
  expect(owners.isLocal('7', 'b')).toBe(false)
  owners.noteLocal('7', 'a')
  owners.note('7', { shard: 'a', epoch: 1 }, 1)
  expect(owners.isLocal('7', 'a')).toBe(true)
  owners.note('7', { shard: 'a', epoch: 3 }, 2)
  expect(owners.isLocal('7', 'a')).toBe(false)
})

it('holds no more than it may', () => {
  const { owners } = memory(4)
  for (let key = 0; key < 100; key += 1) owners.note(String(key), { shard: 'a', epoch: 1 }, 0)
  const held = Array.from({ length: 100 }, (_, key) => owners.shardOf(String(key))).filter((shard) => shard === 'a')
  expect(held.length).toBeLessThanOrEqual(4)
})
