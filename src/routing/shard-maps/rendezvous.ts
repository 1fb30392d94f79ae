import { md5 } from './md5.ts'

/** A shard that may be chosen, and its share of the choices: above 0. */
export interface Contender {
  readonly shard: string
  readonly weight: number
}

/**
 * The shard that a key is placed on, by weighted rendezvous hashing: each shard gets a score from its name and the key, and the
 * highest wins. Nobody counts anything, every process finds the same, and each shard wins in proportion to its weight. A shard
 * that comes or goes changes the choices that it wins, and no others.
 *
 * D. Thaler and C. Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on Networking 6 (1998); with
 * weights, the logarithmic method: C. Schindelhauer and G. Schomaker, "Weighted distributed hash tables", SPAA 2005.
 */
export function rendezvous(key: string, contenders: readonly Contender[]): string {
  let best = ''
  let highest = -Infinity
  for (const { shard, weight } of contenders) {
    const score = -weight / Math.log(unit(`${shard.length}:${shard}${key}`))
    if (score <= highest) continue
    highest = score
    best = shard
  }
  return best
}

/** A number between 0 and 1, neither of them, of 52 bits of the text's hash. */
function unit(text: string): number {
  const [high, low] = md5(text)
  return (high * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52
}
