import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { createServer, type Connection } from 'mysql2'
import type { Dsn } from '../../src/index.ts'

/** What MySQL says of the protocol and itself: version 4.1 with transactions, secure passwords and pluggable ones. */
const capabilities = 0x0000_0001 | 0x0000_0008 | 0x0000_0200 | 0x0000_2000 | 0x0000_8000 | 0x0008_0000
const utf8mb4 = 45
const unknownVariable = 1193
const readOnly = 1290
const unpreparable = 1295
/** COM_RESET_CONNECTION, which mysql2's server side does not know. */
const resetConnection = 0x1f

export interface StubSettings {
  readonly uuid: string
  readonly version?: string
  readonly replica?: boolean
}

/**
 * A server that speaks MySQL's protocol (mysql2's own server side) and answers what a MySQL 8 would answer: nothing but
 * its status, `select n from item` and `update item …`. The test moves what it has executed: `n` is how many transactions
 * that is. It prepares nothing, so that everything comes as text.
 */
export class MysqlStub {
  readonly uuid: string
  readonly version: string
  /** `gtid_executed`, as MySQL writes it. */
  executed = ''
  /** What commits now, as `gtid_owned` has it. */
  owned = ''
  mode = 'ON'
  readOnly: boolean
  /** What it was asked and answered, but for its status. */
  readonly statements: string[] = []
  statusCount = 0
  port = 0
  readonly #server = createServer(() => undefined)
  readonly #connections = new Set<Connection>()
  #nextId = 1

  private constructor({ uuid, version = '8.4.3', replica = false }: StubSettings) {
    this.uuid = uuid
    this.version = version
    this.readOnly = replica
    this.#server.on('connection', (connection: Connection) => this.#welcome(connection))
  }

  static async start(settings: StubSettings): Promise<MysqlStub> {
    const stub = new MysqlStub(settings)
    stub.#server.listen(0)
    // mysql2 has no other way to the socket, and would tell the port of none.
    const inner = Reflect.get(stub.#server, '_server') as Server
    if (!inner.listening) await once(inner, 'listening')
    const address = inner.address()
    stub.port = typeof address === 'object' && address !== null ? address.port : 0
    return stub
  }

  dsn(host = '127.0.0.1'): Dsn {
    return `mysql://app:secret@${host}:${this.port}/shop`
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** How many transactions it has executed. */
  get count(): number {
    const intervals = this.executed.split(/[:,]/).filter((part) => /^\d+(?:-\d+)?$/.test(part))
    return intervals.reduce((sum, each) => {
      const [first = 0, last = first] = each.split('-').map(Number)
      return sum + last - first + 1
    }, 0)
  }

  #welcome(connection: Connection): void {
    this.#connections.add(connection)
    // Each packet of an answer is a write of its own, and must not wait for the acknowledgement of the one before.
    const socket = Reflect.get(connection, 'stream') as Socket
    socket.setNoDelay(true)
    connection.on('error', () => undefined)
    connection.on('end', () => this.#connections.delete(connection))
    connection.on('query', (text: string) => this.#answer(connection, text))
    connection.on('stmt_prepare', () => connection.writeError({ code: unpreparable, message: 'not as prepared' }))
    connection.on('packet', (_: unknown, isKnown: boolean, command: number) => {
      if (!isKnown && command === resetConnection) connection.writeOk()
      // The next command counts its packets from 0 again, and mysql2 leaves that to its server.
      connection.sequenceId = 0
    })
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: this.version,
      connectionId: this.#nextId++,
      statusFlags: 2,
      characterSet: utf8mb4,
      capabilityFlags: capabilities,
      authCallback: (_: unknown, done: (error: null) => void) => {
        done(null)
        connection.sequenceId = 0
      },
    })
  }

  #answer(connection: Connection, text: string): void {
    if (text.includes('@@')) return this.#answerStatus(connection, text)
    this.statements.push(text)
    if (text.startsWith('select n from item')) return answerRow(connection, [['n', this.count]])
    if (!text.startsWith('update item')) return connection.writeOk()
    if (this.readOnly) {
      return connection.writeError({ code: readOnly, message: 'running with the --read-only option' })
    }
    this.executed = `${this.uuid}:1-${this.count + 1}`
    connection.writeOk({ affectedRows: 1 })
  }

  /** Each expression of the list by itself, of what MySQL sees of the text. */
  #answerStatus(connection: Connection, text: string): void {
    this.statusCount += 1
    const list = seenByMysql(text)
      .trim()
      .replace(/^select /, '')
    const cells: [string, string][] = []
    for (const expression of expressionsOf(list)) {
      const value = this.#valueOf(expression)
      if (value === undefined) return connection.writeError({ code: unknownVariable, message: expression })
      cells.push([expression, value])
    }
    answerRow(connection, cells)
  }

  #valueOf(expression: string): string | undefined {
    const [, constant] = /^'(.*)'$/.exec(expression) ?? []
    if (constant !== undefined) return constant
    const values: Readonly<Record<string, string>> = {
      'version()': this.version,
      'cast(@@global.read_only as char)': this.readOnly ? '1' : '0',
      '@@global.gtid_mode': this.mode,
      '@@global.gtid_owned': this.owned,
      '@@global.gtid_executed': this.executed,
      "concat_ws(' ', @@global.server_uuid, @@global.hostname, @@global.port, database())": `${this.uuid} db1 3306 shop`,
    }
    return values[expression]
  }
}

/** Without the comments; what stands in one for MySQL of at least 5.7 is none. */
function seenByMysql(text: string): string {
  return text.replaceAll(/\/\*!50700\b(.*?)\*\//gs, '$1').replaceAll(/\/\*.*?\*\//gs, '')
}

/** What stands between the commas of a list, but for those within brackets. */
function expressionsOf(list: string): readonly string[] {
  const found = ['']
  let depth = 0
  for (const character of list) {
    depth += character === '(' ? 1 : character === ')' ? -1 : 0
    if (character === ',' && depth === 0) found.push('')
    else found[found.length - 1] += character
  }
  return found.map((each) => each.trim())
}

const fieldTypes = { number: 8, string: 253 } as const

function answerRow(connection: Connection, cells: readonly (readonly [name: string, value: string | number])[]): void {
  const columns = cells.map(([name, value]) => ({
    catalog: 'def',
    schema: '',
    table: '',
    orgTable: '',
    name,
    orgName: name,
    characterSet: utf8mb4,
    columnLength: 1_000,
    columnType: typeof value === 'number' ? fieldTypes.number : fieldTypes.string,
    flags: 0,
    decimals: 0,
  }))
  connection.writeTextResult([Object.fromEntries(cells)], columns)
}
