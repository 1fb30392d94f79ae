import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Dsn } from 'signalbox'
import { SignalboxDialect } from 'signalbox/kysely'
import { stand, useDriversOf, type Subject } from '../subject.ts'

/** `signalbox/kysely`, in place of Kysely's own dialects. */
export const subject: Subject = async (wishes) => {
  useDriversOf(wishes)
  const { primary, replicas } = wishes
  const own = [primary, ...replicas].map(asTheSuiteWants)
  const databases = { default: { primary: own[0]!, replicas: own.slice(1) } }
  // The suite knows nothing of the client, and closes none.
  const client = await connect({ databases }, { exitOnIdle: true })
  const { engine } = client
  stand('kysely', () => (variant: string) => {
    if (variant !== engine) return undefined
    const dialect = new SignalboxDialect(client)
    // Each instance of the suite has an empty database of its own there.
    if (engine === 'sqlite') dialect.createDriver = () => new SignalboxDialect(client.using(nextFile())).createDriver()
    return dialect
  })
}

const folder = mkdtempSync(join(tmpdir(), 'signalbox-conformance-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let files = 0
const nextFile = (): Dsn => `sqlite:${join(folder, `${++files}.db`)}`

/** The driver's options that the suite's own configuration has. */
function asTheSuiteWants(dsn: string): string {
  return dsn.startsWith('mysql:') ? `${dsn}?multipleStatements=true&supportBigNumbers=true&bigNumberStrings=true` : dsn
}
