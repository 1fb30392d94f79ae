import type { OrderKey } from '../scatter/row-plan.ts'

/** What the value of a key must be, compared with that of the row which a page begins behind. */
export type KeyTest = 'same' | 'above' | 'below' | 'null' | 'not-null'

/** The rows of a stretch of the order: tests of its first keys. */
export type Stretch = readonly KeyTest[]

/**
 * Where the rows behind a row are: stretches of the order, none of which overlaps another, in the order in which they follow each
 * other. Each one is `first keys the same, the next one behind`, which an index over the keys answers by looking once,
 * whatever their directions are; one condition with OR would be read from the beginning on by most engines.
 *
 * @param isNull - of each key, whether it is NULL in that row
 */
export function stretchesBehind(
  keys: readonly Pick<OrderKey, 'descending' | 'nulls'>[],
  isNull: readonly boolean[],
): readonly Stretch[] {
  const stretches: Stretch[] = []
  for (let place = keys.length - 1; place >= 0; place -= 1) {
    const before = sameAs(isNull.slice(0, place))
    for (const test of testsBehind(keys[place]!, isNull[place] === true)) stretches.push([...before, test])
  }
  return stretches
}

/** The row itself, and those that the order does not tell from it. */
export function sameAs(isNull: readonly boolean[]): Stretch {
  return isNull.map((none) => (none ? 'null' : 'same'))
}

function testsBehind(
  { descending, nulls }: Pick<OrderKey, 'descending' | 'nulls'>,
  isNull: boolean,
): readonly KeyTest[] {
  const further = descending ? 'below' : 'above'
  if (isNull) return nulls === 'first' ? ['not-null'] : []
  return nulls === 'first' ? [further] : [further, 'null']
}
