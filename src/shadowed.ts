import type { Config, DatabaseEntry, ShadowDatabaseInput } from './config.ts'
import { ConfigError, UnknownDatabaseError } from './errors.ts'
import { show } from './option.ts'
import { looksLikeDsn } from './topology/dsn.ts'
import { nearMatches } from './topology/near-match.ts'

/** A shadow that takes the place of its base. */
export interface ShadowOverlay extends Pick<ShadowDatabaseInput, 'tables' | 'pool'> {
  /** The database that keeps the changes, as `shadow.local` of a declared shadow. */
  readonly local: string
}

/**
 * A configuration in which databases are covered by shadows of themselves: their aliases, and those that lead to them, mean the shadow
 * from now on; the database itself goes on as its base, under the alias with `_base` behind it, by which `noWritesTo` names it. For a
 * developer's machine: nothing that the application writes reaches the base. Pure; the configuration that it was given stays as it is.
 *
 * Throws `UnknownDatabaseError` for an alias that is not declared, `ConfigError` if the alias of the base is taken.
 *
 * @example
 * ```ts
 * import { connect, defineConfig, shadowed } from 'signalbox'
 *
 * const config = defineConfig({ databases: { default: 'shop', shop: 'sqlite:./snapshot.db' } })
 * const overlay = { shop: { local: 'sqlite:./dev.db', tables: { '*': 'augment' } } } as const
 * const client = await connect(process.env['DEV'] ? shadowed(config, overlay) : config)
 * ```
 */
export function shadowed<const D extends Readonly<Record<string, DatabaseEntry>>>(
  config: Config<D>,
  overlays: { readonly [K in keyof D]?: ShadowOverlay },
): Config<D> {
  const databases: Record<string, DatabaseEntry> = { ...config.databases }
  const bases = new Map<string, string>()
  for (const [given, overlay] of Object.entries<ShadowOverlay | undefined>(overlays)) {
    if (overlay === undefined) continue
    const alias = databaseOf(given, config.databases)
    const base = `${alias}_base`
    if (Object.hasOwn(databases, base))
      throw new ConfigError(
        `overlays.${given}`,
        `The base would be called ${show(base)}, and there is one already.`,
        'each database once, and no alias of that name',
      )
    const { local, ...rest } = overlay
    bases.set(alias, base)
    databases[base] = config.databases[alias]!
    databases[alias] = { shadow: { base, local }, ...rest }
  }
  // What is kept from writes is the database, not its shadow.
  const noWritesTo = config.noWritesTo?.map((name) =>
    Object.hasOwn(databases, name) ? (bases.get(databaseOf(name, config.databases)) ?? name) : name,
  )
  // The aliases are those of before, and one more for each base, which nobody has to name.
  return { ...config, databases, ...(noWritesTo && { noWritesTo }) } as unknown as Config<D>
}

/** The alias of the database that an alias means in the end. */
function databaseOf(given: string, databases: Readonly<Record<string, DatabaseEntry>>): string {
  const seen = new Set<string>()
  let alias = given
  for (;;) {
    const entry = Object.hasOwn(databases, alias) ? databases[alias] : undefined
    if (entry === undefined) {
      const known = Object.keys(databases)
      throw new UnknownDatabaseError(alias, known, nearMatches(alias, known), `overlays.${given}: `)
    }
    if (typeof entry !== 'string' || looksLikeDsn(entry) || seen.has(alias)) return alias
    seen.add(alias)
    alias = entry
  }
}
