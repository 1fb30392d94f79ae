import { resolve } from 'node:path'
import { connect, ConfigError, messageOf, type Client, type Config, type Handle, type Scope } from '../index.ts'
import type { Behind, Bound } from './behind.ts'
import { isServerOf, type Target } from './known-servers.ts'
import { Encryption, type ReadNames } from './encryption.ts'
import { NamedServers } from './named-servers.ts'
import { mostConnections, type OwnServer } from './own-server.ts'
import { SharedHosts, type Open } from './shared-hosts.ts'

/** What a connection is whose settings name a server that the declared client does not have: one of that client, of the driver itself, or of Signalbox there. */
export type Elsewhere = 'ignore' | 'driver' | 'open'

/** A client that stands behind connections without their saying so. */
export interface Declared {
  readonly bound: Bound
  readonly elsewhere: Elsewhere
}

/** What the settings of a connection ask for. */
export interface Wanted {
  /** A client, a scope or a configuration that they name. */
  readonly signalbox: unknown
  /** What they say themselves about where they lead; the environment and defaults do not count. `undefined`: nothing. */
  readonly named: Target | undefined
  /** Where they lead, with all that counts. */
  readonly target: Target
  /** They ask for TLS. */
  readonly encrypted?: boolean
  readonly server: () => OwnServer
}

export interface FinderParts<H> extends ReadNames {
  /** What the virtual connections of a module share on one client. */
  readonly hostOf: (bound: Bound) => H
}

/** Finds what stands behind the connections of one module. */
export class ClientFinder<H extends { readonly bound: Bound }> {
  readonly #parts: FinderParts<H>
  readonly #hosts = new SharedHosts<H>()
  readonly #ofBound = new WeakMap<object, H>()
  readonly #namedServers = new NamedServers()
  readonly #encryption: Encryption
  declared: Declared | undefined

  constructor(parts: FinderParts<H>, declared?: Declared) {
    this.#parts = parts
    this.#encryption = new Encryption(parts)
    this.declared = declared
  }

  /** `undefined` where it has to be a connection of the driver itself. */
  find(wanted: Wanted): Behind<H> | undefined {
    const { signalbox } = wanted
    if (signalbox !== undefined && signalbox !== null) return this.#named(signalbox)
    if (this.declared !== undefined) return this.#declared(this.declared, wanted)
    const file = process.env['SIGNALBOX_CONFIG']
    return file === undefined || file === '' ? this.#server(wanted) : this.#file(resolve(file), wanted)
  }

  #declared({ bound, elsewhere }: Declared, wanted: Wanted): Behind<H> | undefined {
    const { named } = wanted
    // A driver makes a connection with its settings of TLS, Signalbox with its own.
    const target = elsewhere === 'driver' ? wanted.target : named
    if (elsewhere === 'ignore' || target === undefined || this.#has(bound, target)) {
      if (named !== undefined) this.#note(bound, named, wanted)
      return this.#bound(bound)
    }
    return elsewhere === 'driver' ? undefined : this.#server(wanted)
  }

  /** Tells what settings say of a server, and the client that answers for it does not do. */
  #note(bound: Bound, named: Target, { encrypted = false }: Wanted): void {
    this.#namedServers.note(bound, named)
    if (encrypted) this.#encryption.note(bound, named)
  }

  #has(bound: Bound, target: Target): boolean {
    return isServerOf(bound, target, this.#parts.usualPort)
  }

  #named(signalbox: unknown): Behind<H> {
    if (isBound(signalbox)) return this.#bound(signalbox)
    return this.#hosts.behind(signalbox, async () =>
      this.#owned(await connect(signalbox as Config, { exitOnIdle: true })),
    )
  }

  #bound(bound: Bound): Behind<H> {
    let host = this.#ofBound.get(bound)
    if (host === undefined) {
      host = this.#parts.hostOf(bound)
      this.#ofBound.set(bound, host)
    }
    const opened = Promise.resolve({ host, hasSettings: false })
    return { hold: () => ({ opened, release: () => Promise.resolve() }) }
  }

  /** A client of Signalbox for one server, shared by all connections with equal settings. */
  #server(wanted: Wanted): Behind<H> {
    const server = wanted.server()
    return this.#hosts.behind(server.key, async () => await this.#openServer(server))
  }

  async #openServer({ dsn, connectTimeoutMs, idleTimeoutMs, pool }: OwnServer): Promise<Open<H>> {
    if (dsn !== undefined) {
      const limits = { maxConnections: mostConnections, connectTimeoutMs, idleTimeoutMs }
      const client = await connect({ databases: { default: dsn }, pool: limits }, { exitOnIdle: true })
      return { ...this.#owned(client), hasSettings: true }
    }
    const own = pool()
    const client = await connect(own.handle as Handle)
    const { host, close } = this.#owned(client)
    const closeBoth = async (): Promise<void> => {
      await close()
      await own.end()
    }
    return { host, hasSettings: true, close: closeBoth }
  }

  #owned(client: Client): Open<H> {
    return { host: this.#parts.hostOf(client), hasSettings: false, close: async () => await client.close() }
  }

  /** The client of a configuration file; settings that name a server it does not have lead there. */
  #file(file: string, wanted: Wanted): Behind<H> {
    const known = this.#hosts.behind(`file ${file}`, async () =>
      this.#owned(await connect(await readConfig(file), { exitOnIdle: true })),
    )
    const target = wanted.named
    if (target === undefined) return known
    const server = this.#server(wanted)
    return {
      hold: () => {
        const first = known.hold()
        let hold = first
        const opened = first.opened.then(async (open) => {
          if (this.#has(open.host.bound, target)) {
            this.#note(open.host.bound, target, wanted)
            return open
          }
          hold = server.hold()
          const [other] = await Promise.all([hold.opened, first.release()])
          return other
        })
        return {
          opened,
          release: async () => {
            // Who could not be opened has told those who asked.
            await opened.catch(() => undefined)
            await Promise.all([first.release(), hold.release()])
          },
        }
      },
    }
  }
}

async function readConfig(file: string): Promise<Config> {
  const { readConfigFile } = await import('../cli/config-file.ts')
  try {
    return await readConfigFile(file)
  } catch (error) {
    throw new ConfigError('SIGNALBOX_CONFIG', messageOf(error), 'the path of a configuration file')
  }
}

/** A client of Signalbox or a scope of it, and no configuration. */
function isBound(value: unknown): value is Client | Scope {
  const { analyze, submit } = value as { readonly analyze?: unknown; readonly submit?: unknown }
  return typeof analyze === 'function' && typeof submit === 'function'
}
