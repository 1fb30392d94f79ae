import { rm } from 'node:fs/promises'
import type { RunAs } from './binaries.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { Watchdog } from './watchdog.ts'

/** The temporary folders of one server, and the watchdog that clears up behind it if this process can't. */
export class Workplace {
  /** Owned by the user that runs the server. */
  readonly folder: string
  readonly #folders: string[]
  readonly #watchdog: Watchdog

  private constructor(folder: string, watchdog: Watchdog) {
    this.folder = folder
    this.#folders = []
    this.#watchdog = watchdog
    this.addFolder(folder)
  }

  /** @param stopSignal What ends this kind of server at once, leaving nothing in the system. */
  static async create(name: string, stopSignal: NodeJS.Signals, runAs: RunAs = {}): Promise<Workplace> {
    return new Workplace(await temporaryFolder(name, runAs), new Watchdog(stopSignal))
  }

  /** A further folder, to be removed with the first one. */
  addFolder(folder: string): void {
    this.#folders.push(folder)
    this.#watchdog.watchFolder(folder)
  }

  /** The server's process from now on; undefined while it is down. */
  watch(pid: number | undefined): void {
    this.#watchdog.watch(pid)
  }

  /** Removes everything. The server must have ended. */
  async remove(): Promise<void> {
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true })
    await this.#watchdog.dismiss()
  }
}
