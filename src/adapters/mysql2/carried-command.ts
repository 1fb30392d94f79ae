import type { Command } from './native-mysql2.ts'
import { haveSameValueSettings, valueSettingsOf } from './value-settings.ts'

type Config = Record<string, unknown>

/** A connection, as far as a command is carried on it. */
export interface Carrier {
  config: Config
  /** What names of columns and texts of errors are read as. */
  clientEncoding: string
  readonly _paused?: boolean
  pause(): void
  resume(): void
  write(bytes: Buffer): void
  _resetSequenceId(): void
  _bumpSequenceId(packets: number): void
}

/** A part of what is carried: a command of mysql2, or something like one. */
export interface Step {
  execute(packet: unknown, connection: unknown): boolean
  readonly onResult?: Command['onResult']
}

/**
 * Commands of one connection of mysql2, in one turn on another one: what is a single command there. While they run, the
 * connection's settings of values are those of whom they come from, and so is the encoding in which it reads names.
 */
export class CarriedCommand {
  /** The step whose answer is asked for: what the driver listens to. */
  readonly asked: Step | undefined
  readonly #settings: ValueSettings
  readonly #steps: Step[]
  readonly #lost: (error: unknown) => void
  #lent: LentConnection | undefined
  #isOver = false
  #ended: PromiseWithResolvers<void> | undefined

  /** `lost` is called in place of a step that has nothing to take an error with. */
  constructor(settings: ValueSettings, steps: readonly Step[], lost: (error: unknown) => void, asked?: Step) {
    this.asked = asked
    this.#settings = settings
    this.#steps = [...steps]
    this.#lost = lost
  }

  /** The connection on which it runs now. */
  get carrier(): Carrier | undefined {
    return this.#lent?.connection
  }

  /** It has come to an end, of which its steps were told. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves when it is over, well or not; at once where it has not begun. */
  get ended(): Promise<void> {
    if (this.#lent === undefined) return Promise.resolve()
    this.#ended ??= Promise.withResolvers()
    return this.#ended.promise
  }

  /** Leaves out the steps that have not begun. */
  skip(): void {
    this.#steps.length = Math.min(this.#steps.length, 1)
  }

  execute(packet: unknown, connection: Carrier): boolean {
    this.#lent ??= new LentConnection(connection, this.#settings)
    let taken = packet
    for (;;) {
      const [step] = this.#steps
      if (step !== undefined && !step.execute(taken, connection)) return false
      this.#steps.shift()
      if (this.#steps.length === 0) break
      taken = undefined
    }
    this.#leave()
    return true
  }

  /** The connection was lost. */
  onResult(error: unknown): void {
    this.#leave()
    const [step] = this.#steps.splice(0)
    if (step?.onResult) step.onResult(error)
    else this.#lost(error)
  }

  stateName(): string {
    return 'carried'
  }

  #leave(): void {
    this.#lent?.giveBack()
    this.#lent = undefined
    this.#isOver = true
    this.#ended?.resolve()
  }
}

/** What a connection says of values and rows, for other connections. */
interface SaysValues {
  readonly config: object
  readonly clientEncoding: string
}

/** The settings of a connection that say what values and rows are like, on other connections. */
export class ValueSettings {
  readonly #of: SaysValues
  readonly #config: Config
  readonly #merged = new WeakMap<Config, Config>()

  constructor(connection: SaysValues) {
    this.#of = connection
    this.#config = connection.config as Config
  }

  get clientEncoding(): string {
    return this.#of.clientEncoding
  }

  /** Those of another connection, with these in their place. */
  on(real: Config): Config {
    const found = this.#merged.get(real)
    // Whoever has the connection may set them at any time.
    if (found !== undefined && haveSameValueSettings(found, this.#config)) return found
    const config = haveSameValueSettings(real, this.#config) ? real : this.#mergedWith(real)
    this.#merged.set(real, config)
    return config
  }

  /** A whole one: mysql2 reads it for each packet, and through a prototype that takes much longer. */
  #mergedWith(real: Config): Config {
    const config = Object.assign(Object.create(Object.getPrototypeOf(real) as object) as Config, real)
    return Object.assign(config, valueSettingsOf(this.#config))
  }
}

/** A connection as it was, on which somebody else's settings of values hold meanwhile. */
export class LentConnection {
  readonly connection: Carrier
  readonly #config: Config
  readonly #encoding: string

  constructor(connection: Carrier, settings: ValueSettings) {
    const { config } = connection
    const lent = settings.on(config)
    this.connection = connection
    this.#config = config
    this.#encoding = connection.clientEncoding
    if (lent !== config) lent['charsetNumber'] = config['charsetNumber']
    connection.config = lent
    connection.clientEncoding = settings.clientEncoding
  }

  /** `isOver`: nothing more comes in for whose it was. */
  giveBack(isOver = true): void {
    const { connection } = this
    // mysql2 notes here what the server says of it, which is so for the connection whoever set it.
    this.#config['charsetNumber'] = connection.config['charsetNumber']
    connection.config = this.#config
    connection.clientEncoding = this.#encoding
    // A pause is that of its user's connection.
    if (isOver && connection._paused === true) connection.resume()
  }
}

/** COM_SET_OPTION. */
const setOption = 0x1b

/** Has the server take several statements in one text, or not. */
export function severalStatements(on: boolean): Step {
  let sent = false
  return {
    execute: (_packet, connection) => {
      if (sent) return true
      sent = true
      const to = connection as Carrier
      to._resetSequenceId()
      to.write(Buffer.from([3, 0, 0, 0, setOption, on ? 0 : 1, 0]))
      to._bumpSequenceId(1)
      return false
    },
  }
}
