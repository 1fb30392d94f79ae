import { AsyncLocalStorage } from 'node:async_hooks'
import type { Written } from './command-statement.ts'
import type { Command } from './native-mysql2.ts'

/** What a call of a connection has added a command for, where the command does not say it. */
export type Purpose = 'ping' | 'reset' | 'quit' | 'prepare' | 'give-back'

interface Note {
  surroundings?: ReturnType<typeof AsyncLocalStorage.snapshot>
  purpose?: Purpose
  written?: Written
}

/** What is known of the commands of one connection besides what they say themselves. */
export class CommandNotes {
  readonly #notes = new WeakMap<Command, Note>()
  /** What the call is for that adds commands now. */
  #adding: Purpose | undefined

  /** A command is added: it is part of the session, and the scopes, in which it was called. */
  added(command: Command): void {
    const note = this.#noteOf(command)
    note.surroundings = AsyncLocalStorage.snapshot()
    if (this.#adding !== undefined) note.purpose = this.#adding
  }

  /** Notes for what the commands are that `add` adds. */
  adding<T>(purpose: Purpose, add: () => T): T {
    const before = this.#adding
    this.#adding = purpose
    try {
      return add()
    } finally {
      this.#adding = before
    }
  }

  /** The text of a query before its values were put in. */
  wrote(command: Command, written: Written): void {
    this.#noteOf(command).written = written
  }

  purposeOf(command: Command): Purpose | undefined {
    return this.#notes.get(command)?.purpose
  }

  writtenOf(command: Command): Written | undefined {
    return this.#notes.get(command)?.written
  }

  /** Runs `work` where the command was called. */
  within(command: Command, work: () => void): void {
    const surroundings = this.#notes.get(command)?.surroundings
    if (surroundings === undefined) work()
    else surroundings(work)
  }

  #noteOf(command: Command): Note {
    let note = this.#notes.get(command)
    if (note === undefined) {
      note = {}
      this.#notes.set(command, note)
    }
    return note
  }
}
