import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { allMariadbTools, allTools } from '../test/orms/tools/all.ts'
import { singlePrismaTool } from '../test/orms/tools/prisma.ts'
import { useProcessor } from './processors.ts'

/** Of the table that is read and written. */
export const rows = 100_000

export const toolsOn = { postgres: [...allTools, singlePrismaTool], mariadb: allMariadbTools }

/** One tool, on the bare driver or on Signalbox. */
export interface SideAsked {
  readonly engine: 'postgres' | 'mariadb'
  readonly tool: string
  readonly side: 'bare' | 'ours'
  readonly url: string
}

export interface RoundAsked {
  readonly kind: 'read by key' | 'write by key'
  readonly operations: number
  readonly concurrency: number
}

/** A tool in a process of its own, as its users have it. Ended at once: nothing that it has matters. */
export class OrmProcess implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(asked: SideAsked): Promise<OrmProcess> {
    const program = new URL('orm-side.ts', import.meta.url)
    const child = fork(program, [JSON.stringify(asked)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    useProcessor('client', child.pid!)
    const started = new OrmProcess(child)
    await started.#answer()
    return started
  }

  /** Microseconds for one operation. */
  async time(round: RoundAsked): Promise<number> {
    this.#child.send(round)
    return (await this.#answer()) as number
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController()
    const { signal } = ended
    const exit = async (): Promise<never> => {
      const [code] = (await once(this.#child, 'exit', { signal })) as [number | null]
      throw new Error(`The process of a query tool ended by itself (${code ?? 'by a signal'}).`)
    }
    try {
      const answered = await Promise.race([once(this.#child, 'message', { signal }), exit()])
      return answered[0] as unknown
    } finally {
      ended.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
