import type { Client } from '../../src/index.ts'

/** Readers and one writer that work on the table `note (id integer)` of a PostgreSQL database until they are stopped. What they have done may be cleared. */
export class SteadyLoad {
  /** Reads that were answered, by the port of the server that ran them. */
  readonly reads = new Map<number, number>()
  readonly failedReads: unknown[] = []
  /** The ids of the rows whose insertion was acknowledged, in order. */
  readonly written: number[] = []
  readonly failedWrites: unknown[] = []
  /** The port of the server that took the last acknowledged write. */
  writtenAt: number | undefined
  readonly #client: Client
  readonly #loops: Promise<unknown>
  #next = 1
  #stopped = false

  constructor(client: Client, readers = 4) {
    this.#client = client
    const reading = Array.from({ length: readers }, () => this.#loop(() => this.#read()))
    this.#loops = Promise.all([...reading, this.#loop(() => this.#write())])
  }

  /** Resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#loops
  }

  async #loop(step: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await step()
      // Not as fast as it can: the servers share the machine with the load.
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
  }

  async #read(): Promise<void> {
    try {
      const { rows } = await this.#client.query<{ port: number }>(
        'select inet_server_port() as port, count(*) from note',
      )
      const port = rows[0]!.port
      this.reads.set(port, (this.reads.get(port) ?? 0) + 1)
    } catch (error) {
      this.failedReads.push(error)
    }
  }

  async #write(): Promise<void> {
    const id = this.#next++
    try {
      const { route } = await this.#client.query('insert into note (id) values ($1)', [id])
      this.written.push(id)
      this.writtenAt = Number(new URL(route.server!).port)
    } catch (error) {
      this.failedWrites.push(error)
    }
  }
}
