import { UnsupportedError } from '../../index.ts'
import type { Behind, FindBehind } from './behind.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { charsetSetting } from './charset-setting.ts'
import { CommandNotes } from './command-notes.ts'
import { ConnectionLife } from './connection-life.ts'
import { IdleStream } from './idle-stream.ts'
import { lateConnectionClass } from './late-connection.ts'
import type { Command, CommandClasses, ConnectionClass, Mysql2 } from './native-mysql2.ts'
import { notedConnectionClass } from './noted-connection.ts'

/** What all connections of one module are made with. */
export interface ConnectionTerms {
  readonly mysql2: Mysql2
  readonly classes: CommandClasses
  readonly find: FindBehind
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly config: Record<string, unknown> & ConnectionSettings
  /** Absent where somebody makes one by its class: then its settings say it. */
  readonly behind?: Behind
}

/**
 * A connection of mysql2 that is none: its queue, its callbacks, events and errors are those of mysql2, and each command goes where Signalbox
 * sends it. A function that makes the class, since it extends that of the application's own copy of mysql2.
 *
 * @param base mysql2's Connection or PoolConnection, whose constructor takes what has the configuration as its last parameter
 */
export function virtualConnectionClass(base: unknown, name: string, terms: ConnectionTerms): ConnectionClass {
  const { classes, mysql2, find } = terms
  class VirtualConnection extends lateConnectionClass(notedConnectionClass(base), classes) {
    /** As with mysql2 all are connections, also those of pools, and those that are mysql2's own. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      if (this === VirtualConnection) return value instanceof (base as new () => object)
      return super[Symbol.hasInstance](value)
    }

    readonly #life: ConnectionLife

    constructor(...parameters: unknown[]) {
      const { config, behind = find(config, config) } = parameters.at(-1) as ConnectionParts
      if (behind === undefined) throw nativeByClass()
      const stream = new IdleStream()
      const { maxPreparedStatements } = config
      // There is nothing to be encrypted, and no way to be chosen. Statements are prepared elsewhere, and mysql2 makes room for all of them at once.
      Object.assign(config, { stream, ssl: false, compress: false, maxPreparedStatements: 1 })
      super(...parameters)
      Object.assign(config, { maxPreparedStatements })
      this.#life = new ConnectionLife({
        behind,
        classes,
        connection: this,
        stream,
        notes: this._notes ?? new CommandNotes(),
        settings: charsetSetting(mysql2, config),
        startNatively: () => super.handlePacket(),
      })
      void this.#life.greet()
    }

    /** @internal mysql2 calls it without a packet to start the next command. */
    override handlePacket(packet?: unknown): void {
      // The greeting is added before there is anything to run it.
      if (!(#life in this)) return
      if (packet !== undefined) return super.handlePacket(packet)
      const { _command: command, _notes: notes } = this
      if (!command) return
      if (notes === undefined || notes.takeFresh(command)) this.#life.start(command)
      else notes.run(command, () => this.#life.start(command))
    }

    override pause(): void {
      super.pause()
      this.#life.carrier?.pause()
    }

    override resume(): void {
      super.resume()
      this.#life.carrier?.resume()
    }

    /** @internal For pools: what a user of the connection has left behind goes, before the next one's commands. */
    _giveBack(): void {
      if (!this.#life.isHeld && (!this._command || (this.#life.leavesNothing && this._commands.length === 0))) return
      const command = new classes.Query({ sql: '' }) as unknown as Command
      this._notes?.adding('give-back', () => this.addCommand(command))
    }

    /** @internal For pools: resolves when it has given everything back. */
    get _left(): Promise<void> {
      return this.#life.left
    }
  }
  // By their names some query tools know them, also when they were made shorter by a bundler.
  Object.defineProperty(VirtualConnection, 'name', { value: name })
  return VirtualConnection as unknown as ConnectionClass
}

function nativeByClass(): UnsupportedError {
  return new UnsupportedError(
    "The settings lead to a server that the Signalbox client does not have, and elsewhere is 'mysql2'. Make the connection by createConnection() or createPool().",
  )
}
