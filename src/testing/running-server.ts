import { TestServerError } from '../errors.ts'
import { freePort } from './free-port.ts'
import { ServerLog } from './server-log.ts'
import { PortTakenError, type ServerCommand, ServerProcess } from './server-process.ts'
import { createDatabase, dropDatabase, dsnOf, type FreshDatabase } from './test-database.ts'
import type { ServerSettings, TestServer } from './test-server.ts'
import type { Workplace } from './workplace.ts'

/** What one engine adds to the common course: how its server is started and ended. */
export interface ServerRecipe {
  readonly engine: 'postgres' | 'mysql'
  readonly version: string
  readonly binaries: string
  readonly dataDirectory: string
  readonly user: string
  readonly adminUser: string
  readonly password: string
  readonly settings: ServerSettings
  /** Ends the server in order, soon, without waiting for its clients. */
  readonly restartSignal: NodeJS.Signals
  /** Ends the server at once, leaving nothing in the system. */
  readonly stopSignal: NodeJS.Signals
  command(port: number, settings: ServerSettings, first: boolean): ServerCommand
  /** Clears what a killed server leaves outside of its folder. */
  afterCrash?(): Promise<void>
}

const portAttempts = 5
const endLimitMs = 10_000

/** A test's server on top of its engine's recipe. */
export class RunningServer implements TestServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #recipe: ServerRecipe
  readonly #log: ServerLog
  readonly #workplace: Workplace
  #settings: ServerSettings
  #process: ServerProcess
  #stopped = false
  #frozen = false

  private constructor(
    recipe: ServerRecipe,
    port: number,
    log: ServerLog,
    workplace: Workplace,
    started: ServerProcess,
  ) {
    this.#recipe = recipe
    this.port = port
    this.#log = log
    this.#workplace = workplace
    this.#settings = recipe.settings
    this.#process = started
  }

  /** Starts the server on a free port, on another one if that is lost meanwhile. */
  static async start(recipe: ServerRecipe, workplace: Workplace, choosePort = freePort): Promise<RunningServer> {
    const log = new ServerLog()
    for (let attempt = 1; ; attempt++) {
      const port = await choosePort()
      try {
        const started = await ServerProcess.start(recipe.command(port, recipe.settings, true), log)
        workplace.watch(started.pid)
        return new RunningServer(recipe, port, log, workplace, started)
      } catch (error) {
        if (!(error instanceof PortTakenError) || attempt === portAttempts) throw error
      }
    }
  }

  get engine(): 'postgres' | 'mysql' {
    return this.#recipe.engine
  }
  get version(): string {
    return this.#recipe.version
  }
  get user(): string {
    return this.#recipe.user
  }
  get adminUser(): string {
    return this.#recipe.adminUser
  }
  get password(): string {
    return this.#recipe.password
  }
  get binaries(): string {
    return this.#recipe.binaries
  }
  get dataDirectory(): string {
    return this.#recipe.dataDirectory
  }
  get pid(): number {
    return this.#process.pid
  }
  get running(): boolean {
    return this.#process.running
  }
  /** Whether it was frozen and neither thawed nor ended since. */
  get frozen(): boolean {
    return this.#frozen && this.running
  }

  dsn(database?: string): string {
    return dsnOf(this, database)
  }
  adminDsn(database?: string): string {
    return dsnOf(this, database, true)
  }
  createDatabase(name?: string): Promise<FreshDatabase> {
    return createDatabase(this, name)
  }
  dropDatabase(name: string): Promise<void> {
    return dropDatabase(this, name)
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.signal(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') this.#frozen = signal === 'SIGSTOP'
  }
  exited(): Promise<void> {
    return this.#process.exited()
  }
  freeze(): void {
    this.kill('SIGSTOP')
  }
  thaw(): void {
    this.kill('SIGCONT')
  }

  /** Changes settings from the next start on. */
  configure(settings: ServerSettings): void {
    this.#settings = { ...this.#settings, ...settings }
  }

  async restart(settings: ServerSettings = {}): Promise<void> {
    await this.#startAnew(this.#recipe.restartSignal, settings)
  }

  /** Ends the server without ceremony, has its data directory replaced by `renew`, and starts it on the same port. */
  async rebuild(renew: () => Promise<void>, settings: ServerSettings = {}): Promise<void> {
    await this.#startAnew(this.#recipe.stopSignal, settings, async () => {
      await this.#recipe.afterCrash?.()
      await renew()
    })
  }

  async #startAnew(signal: NodeJS.Signals, settings: ServerSettings, between?: () => Promise<void>): Promise<void> {
    if (this.#stopped) throw new TestServerError('The server was stopped, and its folder removed. Start a new one.')
    this.configure(settings)
    await this.#process.end(signal, endLimitMs)
    this.#frozen = false
    this.#workplace.watch(undefined)
    await between?.()
    this.#process = await ServerProcess.start(this.#recipe.command(this.port, this.#settings, false), this.#log)
    this.#workplace.watch(this.#process.pid)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#process.end(this.#recipe.stopSignal, endLimitMs)
    await this.#recipe.afterCrash?.()
    await this.#workplace.remove()
  }

  log(): string {
    return this.#log.text()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
