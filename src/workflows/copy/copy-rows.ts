import { hash } from 'node:crypto'
import { AbortedError } from '../../errors.ts'
import type { TableName } from '../../topology/table-map.ts'
import { pairColumns, type TablePair } from './column-pairs.ts'
import { checksumText } from './checksum.ts'
import { addTo, CopyRecords, nothingYet, type CopyRecord } from './copy-record.ts'
import { checkReferences, refuseCircles, withoutChecks, type OrderedTable } from './foreign-keys.ts'
import { givenKey } from './given-keys.ts'
import type { CopiedTable, CopiedTableReport, CopyReport, ParsedCopy } from './options.ts'
import type { Place } from './place.ts'
import { beginReading, beginWriting } from './places.ts'
import { advanceSequences } from './sequences.ts'
import { readShape } from './shapes/read-shape.ts'
import { copierOf, type NextBatch } from './table-copier.ts'
import { orderTables } from './table-order.ts'

/** A table on its way. */
interface Task extends OrderedTable {
  readonly pair: TablePair
  readonly next: NextBatch
  readonly isInCircle: boolean
}

/** Copies rows between two open places, in one transaction or, with a name, in many. */
export class RowsCopy {
  readonly #source: Place
  readonly #target: Place
  readonly #options: ParsedCopy
  readonly #nameOf: (table: string) => TableName

  constructor(source: Place, target: Place, options: ParsedCopy, nameOf: (table: string) => TableName) {
    this.#source = source
    this.#target = target
    this.#options = options
    this.#nameOf = nameOf
  }

  async run(): Promise<CopyReport> {
    return this.#options.resume === undefined ? await this.#atOnce() : await this.#inParts(this.#options.resume)
  }

  async #atOnce(): Promise<CopyReport> {
    await beginReading(this.#source)
    await beginWriting(this.#target, 'at the end')
    const tasks = await this.#tasks()
    const reports: CopiedTableReport[] = []
    for (const task of tasks) {
      let record = nothingYet
      while (!record.isDone)
        record = addTo(record, await withoutChecks(this.#target, task.isInCircle, () => this.#batch(task, record)))
      await this.#finish(task)
      reports.push(this.#report(task, record))
    }
    if (this.#target.engine === 'mysql')
      for (const task of tasks) if (task.isInCircle) await checkReferences(this.#target, task)
    await this.#target.commit()
    return { tables: reports }
  }

  async #inParts(name: string): Promise<CopyReport> {
    await beginReading(this.#source)
    await beginWriting(this.#target, 'at the end')
    const tasks = await this.#tasks()
    await this.#rollback()
    const records = new CopyRecords(this.#target, name, this.#fingerprint())
    await records.setUp(tasks.map((task) => task.name))
    const reports: CopiedTableReport[] = []
    for (const task of tasks) {
      let record = nothingYet
      while (!record.isDone) record = await this.#part(task, records)
      reports.push(this.#report(task, record))
    }
    return { tables: reports }
  }

  /** One batch in a transaction of its own, with the record of it. */
  async #part(task: Task, records: CopyRecords): Promise<CopyRecord> {
    await beginWriting(this.#target, 'at the end')
    const before = await records.lock(task.name)
    if (before.isDone) {
      await this.#rollback()
      return before
    }
    await beginReading(this.#source)
    const record = addTo(before, await this.#batch(task, before))
    if (record.isDone) await this.#finish(task)
    await records.write(task.name, record)
    await this.#target.commit()
    await this.#rollback()
    return record
  }

  async #batch(task: Task, before: CopyRecord): Promise<CopyRecord> {
    const { signal, onProgress } = this.#options
    if (signal?.aborted === true)
      throw new AbortedError('The copy was aborted by its signal. What was not committed was rolled back.', {
        cause: signal.reason,
      })
    const told = ({ read, inserted, skipped, replaced }: CopyRecord): void =>
      onProgress({ table: task.name, read, inserted, skipped, replaced })
    const batch = await task.next(before.position, (rows) =>
      told({ ...before, read: before.read + rows, inserted: before.inserted + rows }),
    )
    told(addTo(before, batch))
    return batch
  }

  async #finish({ table, pair }: Task): Promise<void> {
    if (this.#options.advanceSequences) await advanceSequences(this.#target, table, pair)
  }

  #report({ name }: Task, { read, inserted, skipped, replaced, checksum }: CopyRecord): CopiedTableReport {
    const counts = { table: name, read, inserted, skipped, replaced }
    return { ...counts, checksum: this.#options.verify ? checksumText(checksum) : undefined }
  }

  /** The tables in their order. Throws `CopyError` if they do not fit each other. */
  async #tasks(): Promise<readonly Task[]> {
    const { resume } = this.#options
    const found = []
    for (const copied of this.#options.tables) {
      const table = this.#nameOf(copied.table)
      const from = await readShape(this.#source, table, copied.table)
      const shape = await readShape(this.#target, table, copied.table)
      const pair = pairColumns(copied.table, [this.#source, from], [this.#target, shape])
      found.push({ name: copied.table, copied, table, shape, pair })
    }
    const order = orderTables(found, ({ shape }) => shape)
    refuseCircles(this.#target, order, resume !== undefined)
    const circular = new Set(order.circles.map(({ table }) => table.name))
    return order.tables.map((each) => ({ ...each, isInCircle: circular.has(each.name), next: this.#copier(each) }))
  }

  #copier({ copied, table, pair }: { copied: CopiedTable; table: TableName; pair: TablePair }): NextBatch {
    const { onConflict, verify, batchSize, resume } = this.#options
    const keys = copied.keys?.map((key, index) => givenKey(key, pair.key, `options.keys[${index}]`))
    const choice = { where: copied.where, params: copied.params ?? [], keys }
    const inParts = resume !== undefined
    return copierOf(this.#source, this.#target, { table, pair, choice, onConflict, verify, batchSize, inParts })
  }

  /** Which rows are copied, and how. The size of the batches may be another one. */
  #fingerprint(): string {
    const { tables, onConflict } = this.#options
    const text = JSON.stringify([this.#source.database, tables, onConflict], (_name, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    )
    return hash('sha256', text)
  }

  async #rollback(): Promise<void> {
    await this.#source.rollback()
    await this.#target.rollback()
  }
}
