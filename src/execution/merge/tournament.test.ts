import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Tournament } from './tournament.ts'

it('finds the least again and again, with one comparison for each level of the tree', () =>
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(20)), { minLength: 1, maxLength: 20 }), (given) => {
      const queues = given.map((each) => each.toSorted((a, b) => a - b))
      let comparisons = 0
      const head = (player: number) => queues[player]![0] ?? Infinity
      const tournament = new Tournament(queues.length, (a, b) => {
        comparisons += 1
        return head(a) < head(b) || (head(a) === head(b) && a < b)
      })
      const found: number[] = []
      while (head(tournament.winner) !== Infinity) {
        found.push(queues[tournament.winner]!.shift()!)
        comparisons = 0
        tournament.replay()
        expect(comparisons).toBeLessThanOrEqual(Math.ceil(Math.log2(queues.length)))
      }
      expect(found).toEqual(given.flat().toSorted((a, b) => a - b))
    }),
  ))

it('needs nobody to play', () => {
  expect(new Tournament(0, () => false).winner).toBe(0)
})
