import { createRequire } from 'node:module'
import { connect } from 'signalbox'
import { bareOf, stand, useDriversOf, type Subject } from '../subject.ts'

/** `signalbox/mysql2`, over a client whose own driver is the very copy of `mysql2` that the suite brings. */
export const subject: Subject = async (wishes) => {
  const { bare, primary, replicas } = wishes
  useDriversOf(wishes)
  const databases = { default: { primary, replicas: [...replicas] } }
  const client = await connect({ databases }, { exitOnIdle: true })
  // Named by a variable: the module is compiled on its own.
  const name = 'signalbox/mysql2'
  const { mysql2For } = (await import(name)) as { readonly mysql2For: Mysql2For }
  const suites = createRequire(bare)
  const mysql2 = mysql2For(client, {
    mysql2: suites(bareOf(suites.resolve('mysql2'))),
    elsewhere: 'mysql2',
  })
  stand('mysql2', () => mysql2)
}

type Mysql2For = (client: unknown, options: { readonly mysql2: unknown; readonly elsewhere: 'mysql2' }) => unknown
