import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { connect } from 'signalbox'
import { stand, type Subject } from '../subject.ts'

/** `signalbox/pg`, over a client whose own driver is the very copy of `pg` that the suite brings. */
export const subject: Subject = async ({ bare, primary, replicas }) => {
  const ours = new URL('../../dist/', import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'pg' && context.parentURL?.startsWith(ours) === true
        ? { url: pathToFileURL(bare).href, format: 'commonjs', shortCircuit: true }
        : next(specifier, context),
  })
  const client = await connect({ databases: { default: { primary, replicas: [...replicas] } } })
  // Named by a variable: the module is compiled on its own.
  const name = 'signalbox/pg'
  const { pgFor } = (await import(name)) as { readonly pgFor: PgFor }
  const pg = pgFor(client, { pg: createRequire(bare)(bare), elsewhere: 'pg' })
  stand('pg', () => pg)
  stand('pg-pool', () => pg.Pool)
}

type PgFor = (
  client: unknown,
  options: { readonly pg: unknown; readonly elsewhere: 'pg' },
) => { readonly Pool: unknown }
