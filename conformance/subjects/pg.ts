import { createRequire } from 'node:module'
import { connect } from 'signalbox'
import { stand, useDriversOf, type Subject } from '../subject.ts'

/** `signalbox/pg`, over a client whose own driver is the very copy of `pg` that the suite brings. */
export const subject: Subject = async (wishes) => {
  const { bare, primary, replicas } = wishes
  useDriversOf(wishes)
  const databases = { default: { primary, replicas: [...replicas] } }
  // Named by a variable: the module is compiled on its own.
  const name = 'signalbox/pg'
  const { pgFor } = (await import(name)) as { readonly pgFor: PgFor }
  // Its virtual clients keep the process alive, as those of pg do; the connections behind them need not.
  const client = await connect({ databases }, { exitOnIdle: true })
  const pg = pgFor(client, { pg: createRequire(bare)(bare), elsewhere: 'pg' })
  stand('pg', () => pg)
  stand('pg-pool', () => pg.Pool)
}

type PgFor = (
  client: unknown,
  options: { readonly pg: unknown; readonly elsewhere: 'pg' },
) => { readonly Pool: unknown }
