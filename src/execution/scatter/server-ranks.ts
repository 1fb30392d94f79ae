import { CannotScatterError } from '../../errors.ts'
import type { Engine } from '../../topology/server-target.ts'
import type { AskShard, Ranking } from './key-orders.ts'

/** Most different values of a key that a server ranks: they are in memory here, and again there. */
const mostValues = 100_000

/**
 * The place of each value in the order of a server, equal for values that it takes for equal. NULL has none. One question, whatever the
 * number of values.
 *
 * Throws `CannotScatterError` for more than 100,000 different values.
 */
export async function serverRanks(
  engine: Engine,
  values: Iterable<unknown>,
  ranking: Ranking,
  ask: AskShard,
): Promise<ReadonlyMap<string, number>> {
  const texts = [...new Set([...values].filter((value) => typeof value === 'string'))]
  if (texts.length > mostValues) {
    throw new CannotScatterError(
      'ORDER BY',
      `The rows of the shards are sorted by text in the collation ${ranking.collation ?? 'of its type'}, which a server compares, and there are ${texts.length} ` +
        `different values; at most ${mostValues} are sent to it. Add a LIMIT, or sort by a bytewise collation.`,
    )
  }
  if (texts.length === 0) return new Map()
  const { rows } =
    engine === 'postgres'
      ? await ask(postgresText(ranking), [texts])
      : await ask(mysqlText(ranking), [JSON.stringify(texts)])
  return new Map(texts.map((text, index) => [text, Number(rows[index]?.[0])]))
}

function postgresText({ type, collation }: Ranking): string {
  const value = `value::${type}${collation === undefined ? '' : ` collate ${collation}`}`
  return `select dense_rank() over (order by ${value})::integer from unnest($1::text[]) with ordinality as given(value, place) order by place`
}

function mysqlText({ collation = '' }: Ranking): string {
  // Each collation belongs to one character set, which its name begins with.
  const [characterSet = ''] = collation.split('_', 1)
  const value = `convert(value using ${characterSet}) collate ${collation}`
  return `select dense_rank() over (order by ${value}) from json_table(?, '$[*]' columns (place for ordinality, value longtext path '$')) as given order by place`
}
