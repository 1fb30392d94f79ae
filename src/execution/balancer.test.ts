import { describe, expect, it } from 'vitest'
import type { Server } from '../topology/topology.ts'
import { ReplicaBalancer } from './balancer.ts'

const server = (id: string, weight = 1): Server => ({
  id,
  address: id,
  role: 'replica',
  weight,
  tags: [],
  target: () => ({ from: 'dsn', dsn: id }),
})
const [a, b, c] = [server('a'), server('b', 3), server('c', 0)]

function counts(times: number, choose: () => Server): Record<string, number> {
  const counted: Record<string, number> = {}
  for (let i = 0; i < times; i++) {
    const { id } = choose()
    counted[id] = (counted[id] ?? 0) + 1
  }
  return counted
}

describe('the balancers', () => {
  it('take turns', () => {
    const balancer = new ReplicaBalancer(() => 0)
    expect(counts(10, () => balancer.choose([a, b], 'round-robin'))).toEqual({ a: 5, b: 5 })
  })

  it('begin anywhere, so that many processes do not all begin with the same', () => {
    const firsts = [0, 0.6].map(
      (random) => new ReplicaBalancer(() => random).choose([a, server('z')], 'round-robin').id,
    )
    expect(new Set(firsts).size).toBe(2)
  })

  it('share by weight, and leave out a weight of zero as long as there are others', () => {
    let n = 0
    const balancer = new ReplicaBalancer(() => (n++ % 100) / 100)
    expect(counts(100, () => balancer.choose([a, b, c], 'weighted'))).toEqual({ a: 25, b: 75 })
    expect(balancer.choose([c], 'weighted')).toBe(c)
  })

  it('take the one with the fewest reads under way for its weight', () => {
    const balancer = new ReplicaBalancer(() => 0)
    for (let i = 0; i < 8; i++) balancer.started(balancer.choose([a, b], 'least-outstanding'))
    expect([balancer.outstanding(a), balancer.outstanding(b)]).toEqual([2, 6])
    balancer.ended(a, 1)
    balancer.ended(a, 1)
    expect(balancer.choose([a, b], 'least-outstanding')).toBe(a)
  })

  it('take the nearest, once all were tried', () => {
    const balancer = new ReplicaBalancer(() => 0)
    for (let i = 0; i < 2; i++) {
      const chosen = balancer.choose([a, b], 'nearest')
      balancer.started(chosen)
      balancer.ended(chosen, chosen === a ? 9 : 2)
    }
    expect(counts(10, () => balancer.choose([a, b], 'nearest'))).toEqual({ b: 10 })
  })

  it('choose at random', () => {
    const balancer = new ReplicaBalancer(() => 0.99)
    expect(balancer.choose([a, b], 'random')).toBe(b)
  })
})
