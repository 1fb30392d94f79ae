import type { Client } from 'pg'
import type { TestServer } from '../../../src/testing/index.ts'
import type { ModelTable } from '../model.ts'
import { quoted } from '../value.ts'

/** What the base's server may be asked for. */
const reading = new Set(
  'SELECT EXPLAIN DECLARE FETCH CLOSE START BEGIN COMMIT ABORT ROLLBACK SAVEPOINT RELEASE SET SHOW DEALLOCATE DISCARD'.split(
    ' ',
  ),
)
const changing =
  /\b(?:INSERT INTO|UPDATE\s+\S+\s+SET|DELETE FROM|TRUNCATE|FOR (?:NO KEY )?UPDATE|FOR (?:KEY )?SHARE|nextval|setval)\b/i
const logWaitMs = 5_000

/** Looks whether a base was written: at its rows with all that PostgreSQL keeps of them, at its sequences, and at what its server was sent. */
export class BaseWatch {
  readonly #server: TestServer
  readonly #base: Client
  readonly #query: string
  #marks = 0
  #before = ''

  constructor(server: TestServer, base: Client, tables: readonly ModelTable[]) {
    this.#server = server
    this.#base = base
    // A row that was written anew, or locked, differs in what is not shown. The next transaction number is that of the whole server.
    const rows = tables.map(
      ({ name }) =>
        `(select string_agg(concat_ws(' ', t.ctid, t.xmin, t.xmax, t::text), ',' order by t.ctid) from public.${quoted(name)} t)`,
    )
    const numbers = `(select string_agg(concat_ws(' ', schemaname, sequencename, last_value), ',' order by 1) from pg_sequences)`
    this.#query = `select md5(concat_ws('|', ${[...rows, numbers].join(', ')})) || ' ' || pg_snapshot_xmax(pg_current_snapshot())::text as digest`
  }

  async start(): Promise<void> {
    this.#before = await this.#digest()
    await this.#mark()
  }

  /** What is wrong since the last look. */
  async faults(): Promise<readonly string[]> {
    const from = this.#marks
    await this.#mark()
    const sent = await this.#sentBetween(from)
    const digest = await this.#digest()
    const writes = sent.filter((sql) => !isRead(sql))
    return [
      ...(digest === this.#before ? [] : [`the base was written: ${this.#before} became ${digest}`]),
      ...writes.map((sql) => `the base was sent ${sql}`),
    ]
  }

  async #digest(): Promise<string> {
    const { rows } = await this.#base.query<{ digest: string }>(this.#query)
    return rows[0]?.digest ?? ''
  }

  async #mark(): Promise<void> {
    this.#marks++
    await this.#base.query(`select 'mark ${this.#marks}'`)
  }

  /** From one mark to the next one. */
  async #sentBetween(mark: number): Promise<readonly string[]> {
    for (const deadline = performance.now() + logWaitMs; performance.now() < deadline;) {
      const log = this.#server.log()
      const [start, end] = [log.lastIndexOf(`'mark ${mark}'`), log.lastIndexOf(`'mark ${mark + 1}'`)]
      if (start !== -1 && start < end)
        return log
          .slice(start, end)
          .matchAll(/^LOG: {2}(?:statement|execute [^:]*): (.*)$/gm)
          .map(([, sql]) => sql ?? '')
          .toArray()
      await this.#base.query('select 1')
    }
    throw new Error(`The log of the base has lost what stood behind mark ${mark}.`)
  }
}

function isRead(sql: string): boolean {
  const [verb = ''] = sql.split(/\W/, 1)
  return reading.has(verb.toUpperCase()) && !changing.test(sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, 'x'))
}
