import { describe, expect, it } from 'vitest'
import type { Position } from '../topology/position.ts'
import { SessionMemory, ShardMemory } from './session.ts'

const at = (lsn: number, timeline = 1): Position => ({ kind: 'lsn', timeline, lsn: BigInt(lsn) })

describe('what a session remembers of a shard', () => {
  it('is nothing at first: every state will do', () => {
    expect(new ShardMemory().reachedBy(undefined)).toBe('reached')
  })

  it('turns sticky before the write is sent, and stays so until the primary has named a position', () => {
    const memory = new ShardMemory()
    memory.begin()
    expect(memory.need).toBe('unknown')
    expect(memory.reachedBy(at(9))).toBe('incomparable')
    memory.settle(at(5), memory.turn)
    expect(memory.need).toBe('unknown')
    memory.end()
    expect(memory.need).toBe('unknown')
    memory.settle(at(7), memory.turn)
    expect(memory.reachedBy(at(6))).toBe('behind')
    expect(memory.reachedBy(undefined)).toBe('behind')
    expect(memory.reachedBy(at(7))).toBe('reached')
    expect(memory.reachedBy(at(8, 2))).toBe('incomparable')
  })

  it('knows at once where a write stands that says so', () => {
    const memory = new ShardMemory()
    memory.begin()
    memory.end(undefined, at(7))
    expect(memory.need).toEqual(at(7))
    memory.begin()
    expect(memory.need).toBe('unknown')
    memory.end(undefined, at(9))
    expect(memory.need).toEqual(at(9))
    // A position that was needed before, and is later.
    memory.begin()
    memory.end(undefined, at(8))
    expect(memory.need).toEqual(at(9))
    memory.begin()
    memory.end(undefined, at(9, 2))
    expect(memory.need).toBe('unknown')
  })

  it('does not know it where something else happened meanwhile, or was not known before', () => {
    const cases: Readonly<Record<string, (memory: ShardMemory) => void>> = {
      'another write before, not answered': (memory) => {
        memory.begin()
        memory.begin()
        memory.end(undefined, at(7))
        memory.end()
      },
      'another write within, answered': (memory) => {
        memory.begin()
        memory.begin()
        memory.end(undefined, at(6))
        memory.end(undefined, at(7))
      },
      'a write before, of which nobody knows': (memory) => {
        memory.begin()
        memory.end()
        memory.begin()
        memory.end(undefined, at(7))
      },
      'something seen that is gone': (memory) => {
        memory.begin()
        memory.forget()
        memory.end(undefined, at(7))
      },
      'a token from elsewhere': (memory) => {
        memory.begin()
        memory.require(at(9))
        memory.end(undefined, at(7))
      },
      'the end of its session': (memory) => {
        memory.begin()
        memory.heir = new ShardMemory()
        memory.end(undefined, at(7))
        expect(memory.heir.need).toBe('unknown')
      },
    }
    for (const [what, happens] of Object.entries(cases)) {
      const memory = new ShardMemory()
      happens(memory)
      expect(memory.need, what).toBe('unknown')
    }
  })

  it('needs nothing more of other tables for a write that says where it stands, unless it may have changed any', () => {
    const memory = new ShardMemory()
    memory.begin(['item'])
    memory.end(['item'], at(7))
    expect([memory.needOf(['item']), memory.needOf(['other'])]).toEqual([at(7), 'nothing'])
    memory.begin()
    memory.end(undefined, at(9))
    expect([memory.needOf(['item']), memory.needOf(['other'])]).toEqual([at(9), at(9)])
  })

  it('takes no position that was asked for before a later write began or ended', () => {
    const memory = new ShardMemory()
    memory.begin()
    const during = memory.turn
    memory.end()
    memory.settle(at(5), during)
    expect(memory.need).toBe('unknown')
    const before = memory.turn
    memory.begin()
    memory.end()
    memory.settle(at(5), before)
    expect(memory.need).toBe('unknown')
  })

  it('tells reads of other tables than those written apart, as long as nothing else was seen', () => {
    const memory = new ShardMemory()
    memory.begin(['item'])
    expect(memory.needOf(['item', 'note'])).toBe('unknown')
    expect(memory.needOf(['note'])).toBe('nothing')
    expect(memory.needOf(undefined)).toBe('unknown')
    expect(memory.reachedBy(undefined, ['note'])).toBe('reached')
    memory.end(['item'])
    memory.settle(at(5), memory.turn)
    expect(memory.reachedBy(at(4), ['item'])).toBe('behind')
    expect(memory.reachedBy(at(4), ['note'])).toBe('reached')
    memory.forget()
    expect(memory.needOf(['note'])).toBe('unknown')
    memory.settle(at(6), memory.turn)
    memory.begin(['item'])
    memory.end(['item'])
    expect(memory.needOf(['note'])).toEqual(at(6))
    expect(memory.needOf(['item'])).toBe('unknown')
  })

  it('takes a write that names no tables, and more tables than a session writes, for a write to all of them', () => {
    const unnamed = new ShardMemory()
    unnamed.begin(['item'])
    unnamed.begin()
    expect(unnamed.needOf(['note'])).toBe('unknown')
    const many = new ShardMemory()
    for (let n = 0; n < 1_002; n++) many.begin([`table_${n}`])
    expect(many.needOf(['note'])).toBe('unknown')
  })

  it('hands the tables on to a session within or around it, and to nobody by a position alone', () => {
    const [outer, inner, other] = [new SessionMemory(), new SessionMemory(), new ShardMemory()]
    outer.of('shop/main').begin(['item'])
    inner.adopt(outer)
    expect(inner.of('shop/main').needOf(['note'])).toBe('nothing')
    expect(inner.of('shop/main').needOf(['item'])).toBe('unknown')
    inner.of('shop/main').begin(['note'])
    inner.end(outer)
    inner.of('shop/main').end(['note'])
    expect(outer.of('shop/main').needOf(['note'])).toBe('unknown')
    expect(outer.of('shop/main').needOf(['review'])).toBe('nothing')
    other.require(at(5))
    expect(other.needOf(['note'])).toEqual(at(5))
  })

  it('only grows with what others need', () => {
    const memory = new ShardMemory()
    memory.require(at(5))
    memory.require(at(3))
    expect(memory.need).toEqual(at(5))
    memory.require(at(1, 2))
    expect(memory.need).toBe('unknown')
    memory.require(at(9))
    expect(memory.need).toBe('unknown')
  })

  it('is given on from one session to another', () => {
    const [outer, inner] = [new SessionMemory(), new SessionMemory()]
    inner.of('shop/main').require(at(5))
    inner.of('reviews/main').begin()
    inner.wrote = true
    outer.of('shop/main').require(at(7))
    outer.adopt(inner)
    expect(outer.of('shop/main').need).toEqual(at(7))
    expect(outer.of('reviews/main').need).toBe('unknown')
    expect(outer.wrote).toBe(true)
    expect([...outer.needs()].map(([key]) => key)).toEqual(['shop/main', 'reviews/main'])
  })

  it('follows the replica that another session reads, and is unsure where they read different ones', () => {
    const [outer, inner] = [new SessionMemory(), new SessionMemory()]
    inner.of('shop/main').stay = { server: 'replica-1', losses: 0 }
    outer.follow(inner)
    expect(outer.of('shop/main')).toMatchObject({ stay: { server: 'replica-1' }, need: 'nothing' })
    outer.follow(inner)
    expect(outer.of('shop/main').need).toBe('nothing')
    inner.of('shop/main').stay = { server: 'replica-1', losses: 1 }
    outer.follow(inner)
    expect(outer.of('shop/main').need).toBe('unknown')
  })

  it('hears of what goes on in a session that has ended within it', () => {
    const [outer, inner] = [new SessionMemory(), new SessionMemory()]
    inner.of('shop/main').begin()
    outer.adopt(inner)
    inner.end(outer)
    outer.of('shop/main').settle(at(5), outer.of('shop/main').turn)
    expect(outer.of('shop/main').need).toEqual(at(5))
    inner.of('shop/main').end()
    expect(outer.of('shop/main').need).toBe('unknown')
    inner.of('reviews/main').begin()
    inner.of('reviews/main').end()
    expect(outer.of('reviews/main').need).toBe('unknown')
  })
})

describe('what replicas have shown a session', () => {
  it('is remembered until the primary is proved to show as much, unless more was shown meanwhile', () => {
    const memory = new ShardMemory()
    expect(memory.shownBy).toBeUndefined()
    memory.noteShown('r1')
    const turn = memory.shownTurn
    memory.noteShown('r1')
    memory.noteProved(turn)
    expect(memory.shownBy).toBe('r1')
    memory.noteShown('r2')
    expect(memory.shownBy).toBe('several')
    memory.noteProved(memory.shownTurn)
    expect(memory.shownBy).toBeUndefined()
  })

  it('holds for the session around it and within it', () => {
    const [outer, inner] = [new SessionMemory(), new SessionMemory()]
    outer.of('shop/main').noteShown('r1')
    inner.follow(outer)
    expect(inner.of('shop/main').shownBy).toBe('r1')
    outer.of('shop/main').noteProved(outer.of('shop/main').shownTurn)
    inner.end(outer)
    // A read that goes on after the session's end.
    inner.of('shop/main').noteShown('r1')
    expect(outer.of('shop/main').shownBy).toBe('r1')
  })
})
