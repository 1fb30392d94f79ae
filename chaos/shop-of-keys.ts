import type { Client, SessionOptions } from '../src/index.ts'
import {
  type AppliedIncrement,
  type FinalState,
  initialOpId,
  type KeyValue,
  type ReadAnswer,
  type SessionIo,
  type SessionStart,
  type WorkloadDatabase,
  type WriteAnswer,
} from '../src/testing/index.ts'

/** The statements of the workload in an engine's words. MariaDB has no UPDATE … RETURNING. */
const dialects = {
  postgres: {
    write: 'update item set version = version + 1, value = $2 where k = $1 returning version',
    applied: 'insert into applied (op, k, version) values ($1, $2, $3)',
    read: 'select version, value from item where k = $1',
  },
  mysql: {
    write:
      'insert into item (k, version, value) values (?, 1, ?) on duplicate key update version = version + 1, value = values(value) returning version',
    applied: 'insert into applied (op, k, version) values (?, ?, ?)',
    read: 'select version, value from item where k = ?',
  },
} as const

interface Row {
  readonly k: string
  readonly version: number
  readonly value: string
}

export interface ShopParts {
  readonly engine: keyof typeof dialects
  /** As many application processes would have them. A session that is handed over goes on in the next one. */
  readonly clients: readonly Client[]
  /** Of the server that a route names, for the history. */
  readonly nameOf: (server: string | undefined) => string
  /** Reads take replicas as they are. */
  readonly anyState: boolean
  /** When the keys are there. */
  readonly onBegin: () => void
  /** When all is done: gives a client of the primary alone, for the final state. */
  readonly onEnd: () => Promise<Client>
}

/** What was done so far, for those who watch. */
export interface Tally {
  reads: number
  /** Of these. */
  onReplicas: number
  failedReads: number
  failedWrites: number
}

/** A table of keys on a replicated database, used through Signalbox. */
export class ShopOfKeys implements WorkloadDatabase {
  readonly tally: Tally = { reads: 0, onReplicas: 0, failedReads: 0, failedWrites: 0 }
  readonly #parts: ShopParts
  readonly #texts: (typeof dialects)[keyof typeof dialects]

  constructor(parts: ShopParts) {
    this.#parts = parts
    this.#texts = dialects[parts.engine]
  }

  async setUp(keys: readonly string[]): Promise<void> {
    const client = this.#clientOf(0)
    await client.query(
      'create table item (k varchar(20) primary key, version integer not null, value varchar(40) not null)',
    )
    await client.query(
      'create table applied (op varchar(40) not null, k varchar(20) not null, version integer not null)',
    )
    const rows = keys.map((key) => `('${key}', 0, '${initialOpId}')`).join(', ')
    await client.query(`insert into item (k, version, value) values ${rows}`)
    this.#parts.onBegin()
  }

  async inSession(run: (io: SessionIo) => Promise<void>, { number, carried }: SessionStart): Promise<SessionOptions> {
    const client = this.#clientOf(number)
    const io: SessionIo = {
      write: async (key, opId) => await this.#counted(false, this.#write(client, key, opId)),
      increment: async (key, opId) => await this.#counted(false, this.#increment(client, key, opId)),
      read: async (key) =>
        await this.#counted(
          true,
          this.#parts.anyState ? client.replica(async () => await this.#read(client, key)) : this.#read(client, key),
        ),
    }
    return await client.session(
      async (session) => {
        await run(io)
        // That of a session that wrote holds what it read as well.
        return { token: await session.token(session.wrote ? {} : { reads: true }) }
      },
      carried as SessionOptions | undefined,
    )
  }

  async finalState(): Promise<FinalState> {
    const client = await this.#parts.onEnd()
    const items = await client.query<Row>('select k, version, value from item')
    const values = new Map(items.rows.map(({ k, version, value }): [string, KeyValue] => [k, { version, opId: value }]))
    const side = await client.query<Row & { op: string }>('select op, k, version from applied')
    const applied = side.rows.map(({ op, k, version }): AppliedIncrement => ({ opId: op, key: k, version }))
    return { values, applied }
  }

  #clientOf(number: number): Client {
    const { clients } = this.#parts
    return clients[number % clients.length]!
  }

  async #counted<T>(isRead: boolean, operation: Promise<T>): Promise<T> {
    try {
      return await operation
    } catch (error) {
      this.tally[isRead ? 'failedReads' : 'failedWrites']++
      throw error
    }
  }

  async #write(client: Client, key: string, opId: string): Promise<WriteAnswer> {
    const { rows, route } = await client.query<Row>(this.#texts.write, [key, opId])
    return this.#answered(client, rows[0]!.version, route.server)
  }

  async #increment(client: Client, key: string, opId: string): Promise<WriteAnswer> {
    return await client.transaction(async (tx) => {
      const { rows, route } = await tx.query<Row>(this.#texts.write, [key, opId])
      const { version } = rows[0]!
      await tx.query(this.#texts.applied, [opId, key, version])
      return this.#answered(client, version, route.server)
    })
  }

  async #read(client: Client, key: string): Promise<ReadAnswer> {
    const { rows, route } = await client.query<Row>(this.#texts.read, [key])
    this.tally.reads++
    if (route.role === 'replica') this.tally.onReplicas++
    const [row] = rows
    if (row === undefined) return undefined
    return { opId: row.value, ...this.#answered(client, row.version, route.server) }
  }

  #answered(client: Client, version: number, server: string | undefined): WriteAnswer {
    const { clients, nameOf } = this.#parts
    return { version, server: `${nameOf(server)} (client ${clients.indexOf(client)})` }
  }
}
