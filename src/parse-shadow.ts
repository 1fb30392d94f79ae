import { ConfigError } from './errors.ts'
import { asRecord, refuseUnknownKeys, show } from './option.ts'
import { PatternMap } from './topology/pattern-map.ts'
import { shadowKinds, type Shadow, type ShadowKind } from './topology/shadow.ts'
import type { Database } from './topology/topology.ts'

/** What an entry of `databases` says of itself as a shadow. */
export function parseShadow(
  record: Readonly<Record<string, unknown>>,
  path: string,
): { readonly local: unknown; readonly shadow: Shadow } {
  const place = `${path}.shadow`
  const given = asRecord(record['shadow'], place)
  refuseUnknownKeys(given, ['base', 'local'], place)
  const { base, local } = given
  if (typeof base !== 'string' || base === '')
    throw new ConfigError(`${place}.base`, `${show(base)} is not accepted.`, 'the alias of a database')
  const tables = record['tables'] === undefined ? {} : asRecord(record['tables'], `${path}.tables`)
  const kinds = Object.entries(tables).map(([pattern, kind]): readonly [string, ShadowKind] => {
    const found = shadowKinds.find((each) => each === kind)
    if (found !== undefined) return [pattern, found]
    throw new ConfigError(
      `${path}.tables.${pattern}`,
      `${show(kind)} is not accepted.`,
      "'augment', 'replace' or 'base'",
    )
  })
  return { local, shadow: { base, kinds: new PatternMap(kinds) } }
}

/** Throws `ConfigError` for a shadow whose base cannot be one. */
export function checkShadows(databases: ReadonlyMap<string, Database>, aliases: ReadonlyMap<string, string>): void {
  for (const { alias, engine, shadow, shards } of databases.values()) {
    if (shadow === undefined) continue
    const refuse = (fault: string, allowed: string, part = 'base'): never => {
      throw new ConfigError(`databases.${alias}.shadow.${part}`, fault, allowed)
    }
    const base = databases.get(aliases.get(shadow.base) ?? '')
    if (base === undefined) return refuse(`There is no database "${shadow.base}".`, 'the alias of a database')
    if (base.shadow !== undefined) refuse(`"${shadow.base}" is a shadow itself.`, 'a database of its own')
    if (base.shards.length > 1) refuse(`"${shadow.base}" has ${base.shards.length} shards.`, 'a database of one shard')
    if (base.engine !== engine)
      refuse(`It is ${engine}, and "${shadow.base}" is ${base.engine}.`, 'a database of the same engine', 'local')
    if (engine === 'mysql' && [...shadow.kinds.values()].includes('augment'))
      throw new ConfigError(
        `databases.${alias}.tables`,
        'MySQL and MariaDB cannot lay local rows over those of another server.',
        "'replace' or 'base'",
      )
    const target = shards[0]?.primary.target()
    if (target?.from !== 'dsn' || /^sqlite::memory:/i.test(target.dsn))
      refuse('It is a handle, or in memory.', 'a data source name of a file or a server', 'local')
  }
}
