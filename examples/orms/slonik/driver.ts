import { Transform } from 'node:stream'
import QueryStream from 'pg-query-stream'
import type { Pg } from 'signalbox/pg'
import { createDriverFactory, type DriverFactory } from 'slonik'

/** Slonik takes no module like `pg`, but drivers: here is one on clients of such a module. */
export function driverFactoryFor({ Client, TypeOverrides }: Pg): DriverFactory {
  return createDriverFactory(async ({ driverConfiguration: { connectionUri, typeParsers } }) => {
    const overrides = new TypeOverrides()
    for (const { name, parse } of typeParsers) {
      const oid = numbers[name]
      if (oid !== undefined) overrides.setTypeParser(oid, parse)
    }
    return {
      createPoolClient: async ({ clientEventEmitter }) => {
        const client = new Client({ connectionString: connectionUri, types: overrides })
        client.on('error', (error) => clientEventEmitter.emit('error', error))
        return {
          connect: async () => void (await client.connect()),
          end: async () => await client.end(),
          query: async (text, values = []) => {
            const { command, fields, rowCount, rows } = await client.query<Record<string, unknown>>(text, values)
            const described = fields.map(({ dataTypeID, name }) => ({ dataTypeId: dataTypeID, name }))
            return { command: command as 'SELECT', fields: described, rowCount, rows }
          },
          stream: (text, values) => {
            const rows = client.query(new QueryStream(text, values))
            const events = new Transform({
              objectMode: true,
              transform: (row, _encoding, done) => done(null, { fields: [], row }),
            })
            rows.on('error', (error) => events.destroy(error))
            return rows.pipe(events) as never
          },
        }
      },
    }
  })
}

/** The types that Slonik parses by default, by their numbers in every PostgreSQL. */
const numbers: Readonly<Record<string, number>> = {
  int8: 20,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  numeric: 1700,
}
