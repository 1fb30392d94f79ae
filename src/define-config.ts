import type { Config, DatabaseEntry } from './config.ts'

/** As with a configuration, for a function that makes one: it is called by who loads the file, and may be async. */
export function defineConfig<const D extends Readonly<Record<string, DatabaseEntry>>>(
  config: () => Config<D> | Promise<Config<D>>,
): () => Config<D> | Promise<Config<D>>
// Last, so that compilers show a misspelt alias at its place: they explain the last one.
/**
 * Gives a configuration back as it is, with its types: a misspelt alias in `tables` or
 * `databasesShareServer` does not compile, nor one in the answer of a `Router<'shop' | 'reviews'>`. For `signalbox.config.ts`.
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
export function defineConfig<const D extends Readonly<Record<string, DatabaseEntry>>>(config: Config<D>): Config<D>
export function defineConfig(config: unknown): unknown {
  return config
}
