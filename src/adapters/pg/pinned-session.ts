import { QueryError, type ReservedConnection } from '../../index.ts'
import { driverError } from '../driver-error.ts'
import type { SettingsChange } from './session-settings.ts'
import { askedOf, type SettingsKeeper } from './settings-keeper.ts'
import { discardOf } from './state-text.ts'
import type { Answer, SessionEvents, SessionStatement, Status, Submission } from './session-statement.ts'

/** The server refuses it; its log tells why it was sent. */
const failing = "select 'Signalbox refused a statement of this transaction'::integer"
const invalidText = '22P02'

/** A session on a real connection, because of what only that has. */
export class PinnedSession {
  status: Status = 'I'
  /** Nothing is left of what it was made for. */
  isSpent = false
  /** Of the last statement, told to its query. */
  failure: object | undefined
  readonly #connection: ReservedConnection
  readonly #keeper: SettingsKeeper
  readonly #session: SessionEvents
  #isReleased = false
  /** Settings that may have changed since they were asked for. */
  readonly #unasked = new Set<string>()

  constructor(connection: ReservedConnection, keeper: SettingsKeeper, session: SessionEvents) {
    this.#connection = connection
    this.#keeper = keeper
    this.#session = session
  }

  /** What it had went with the connection. */
  get isBroken(): boolean {
    return this.#connection.isBroken
  }

  /** Where the connection's events go: its end is that of the session, which nothing else can stand for. */
  readonly events: NonNullable<Submission['events']> = {
    emit: (event, message) => {
      if (event !== 'lost') return this.#session.emit(event, message)
      this.#lost(message)
      return true
    },
  }

  #lost(error: unknown): void {
    if (this.#isReleased) return
    // Whoever waits for the answer to a statement is told first.
    process.nextTick(() => this.#session.lost(error))
  }

  /** Rejects if the connection is lost. */
  async run(statement: SessionStatement, submission: (statement: SessionStatement) => Submission): Promise<Answer> {
    const failureOf = statement.handOver()
    const change = await this.#keeper.changeOf(statement)
    try {
      this.status = await this.#connection.submit(submission(statement))
      this.failure = failureOf()
      if (change !== undefined) for (const name of this.#keeper.settings.namesOf(change)) this.#unasked.add(name)
      if (this.status === 'I' && this.#unasked.size > 0) await this.#ask(statement)
    } catch (error) {
      const told = driverError(error)
      if (this.#connection.isBroken) this.#lost(told)
      throw told
    }
    if (this.failure === undefined && discardOf(statement.sql) === 'DISCARD ALL') {
      this.isSpent = true
      this.#keeper.settings.forget()
      this.#keeper.tell()
    }
    return { kind: 'told' }
  }

  /**
   * Fails the open transaction, as the server does after an error, so that nobody commits what a refused statement should have been part of. What
   * else the connection has stays.
   */
  async fail({ call }: SessionStatement): Promise<void> {
    if (this.status !== 'T') return
    try {
      const { settings } = this.#keeper.callOf(call)
      await this.#connection.query(failing, [], { dialect: 'postgres', changes: [], settings })
    } catch (error) {
      if (error instanceof QueryError && error.engineCode === invalidText) this.status = 'E'
      // Of a connection that is lost, its own event tells.
    }
  }

  async release(): Promise<void> {
    this.#isReleased = true
    // Nobody waits for how that went: the connection is closed if it cannot be reset.
    await this.#connection.release().catch(() => undefined)
  }

  /** They are what the connection says, whatever became of what changed them. */
  async #ask({ call, lasting }: SessionStatement): Promise<void> {
    const names = [...this.#unasked]
    this.#unasked.clear()
    const change: SettingsChange = { resetsAll: false, reset: [], set: names }
    this.#keeper.learned(change, await askedOf(this.#connection, names, call), lasting)
  }
}
