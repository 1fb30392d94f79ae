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
  const { mysql2For, mysql2PromiseFor } = (await import(name)) as Facade
  const suites = createRequire(bare)
  const options = { mysql2: suites(bareOf(suites.resolve('mysql2'))), elsewhere: 'mysql2' } as const
  const mysql2 = mysql2For(client, options)
  const { createConnectionPromise, createPoolPromise, createPoolClusterPromise } = mysql2
  // What makes something is that of the one module, which both have.
  const promises = {
    ...mysql2PromiseFor(client, options),
    createConnection: createConnectionPromise,
    createPool: createPoolPromise,
    createPoolCluster: createPoolClusterPromise,
  }
  stand('mysql2', () => mysql2)
  stand('mysql2/promise', () => promises)
}

type Module = Readonly<Record<string, unknown>>

type ModuleFor = (client: unknown, options: { readonly mysql2: unknown; readonly elsewhere: 'mysql2' }) => Module

interface Facade {
  readonly mysql2For: ModuleFor
  readonly mysql2PromiseFor: ModuleFor
}
