import type { Client } from '../src/index.ts'
import {
  type AppliedIncrement,
  type FinalState,
  initialOpId,
  type KeyValue,
  type ReadAnswer,
  type SessionIo,
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

/** A table of keys on a replicated database, used through Signalbox. */
export class ShopOfKeys implements WorkloadDatabase {
  readonly #client: Client
  readonly #texts: (typeof dialects)[keyof typeof dialects]
  readonly #around: <T>(run: () => Promise<T>) => Promise<T>

  /** `around`: what each read runs in; for showing what the check finds without positions. */
  constructor(client: Client, engine: keyof typeof dialects, around: <T>(run: () => Promise<T>) => Promise<T>) {
    this.#client = client
    this.#texts = dialects[engine]
    this.#around = around
  }

  async setUp(keys: readonly string[]): Promise<void> {
    await this.#client.query(
      'create table item (k varchar(20) primary key, version integer not null, value varchar(40) not null)',
    )
    await this.#client.query(
      'create table applied (op varchar(40) not null, k varchar(20) not null, version integer not null)',
    )
    const rows = keys.map((key) => `('${key}', 0, '${initialOpId}')`).join(', ')
    await this.#client.query(`insert into item (k, version, value) values ${rows}`)
  }

  async inSession(run: (io: SessionIo) => Promise<void>): Promise<void> {
    const io: SessionIo = {
      write: async (key, opId) => await this.#write(key, opId),
      increment: async (key, opId) => await this.#increment(key, opId),
      read: async (key) => await this.#around(async () => await this.#read(key)),
    }
    await this.#client.session(async () => await run(io))
  }

  async finalState(): Promise<FinalState> {
    const everything = { role: 'primary' } as const
    const items = await this.#client.query<Row>('select k, version, value from item', [], everything)
    const values = new Map(items.rows.map(({ k, version, value }): [string, KeyValue] => [k, { version, opId: value }]))
    const side = await this.#client.query<Row & { op: string }>('select op, k, version from applied', [], everything)
    const applied = side.rows.map(({ op, k, version }): AppliedIncrement => ({ opId: op, key: k, version }))
    return { values, applied }
  }

  async #write(key: string, opId: string): Promise<WriteAnswer> {
    const { rows, route } = await this.#client.query<Row>(this.#texts.write, [key, opId])
    return answered(rows[0]!.version, route.server)
  }

  async #increment(key: string, opId: string): Promise<WriteAnswer> {
    return await this.#client.transaction(async (tx) => {
      const { rows, route } = await tx.query<Row>(this.#texts.write, [key, opId])
      const { version } = rows[0]!
      await tx.query(this.#texts.applied, [opId, key, version])
      return answered(version, route.server)
    })
  }

  async #read(key: string): Promise<ReadAnswer> {
    const { rows, route } = await this.#client.query<Row>(this.#texts.read, [key])
    const [row] = rows
    if (row === undefined) return undefined
    return { opId: row.value, ...answered(row.version, route.server) }
  }
}

function answered(version: number, server: string | undefined): WriteAnswer {
  return server === undefined ? { version } : { version, server }
}
