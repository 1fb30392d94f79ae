import type { Config, DatabaseEntry } from './config.ts'

type Entries = Readonly<Record<string, DatabaseEntry>>

/**
 * Gives a configuration back as it is, with its types: a misspelt alias in `tables`, `routers` or
 * `databasesShareServer` does not compile. For `signalbox.config.ts`. A function is called by who loads the file, and may be async.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'signalbox'
 *
 * export default defineConfig({
 *   databases: { default: 'sqlite:./shop.db', reviews: 'sqlite:./reviews.db' },
 *   tables: { review: 'reviews' },
 * })
 * ```
 */
export function defineConfig<const D extends Entries>(config: Config<D>): Config<D>
export function defineConfig<const D extends Entries>(
  config: () => Config<D> | Promise<Config<D>>,
): () => Config<D> | Promise<Config<D>>
export function defineConfig(config: unknown): unknown {
  return config
}
