import { AsyncResource } from 'node:async_hooks'
import type { Command } from './native-mysql2.ts'
import type { Written } from './routable-texts.ts'

/** What a call of a connection has added a command for, where the command does not say it. */
export type Purpose = 'ping' | 'reset' | 'quit' | 'prepare' | 'give-back'

type Told = NonNullable<Command['onResult']>

interface Note {
  /** Much cheaper than a snapshot, and holds the same. */
  surroundings?: AsyncResource
  purpose?: Purpose
  written?: Written
}

/** Where a command keeps its note; a map from commands to notes costs more than all the rest. */
const noted = Symbol('signalbox.note')

type Noted = Command & { [noted]?: Note }

/** What is known of the commands of one connection besides what they say themselves. */
export class CommandNotes {
  /** What the call is for that adds commands now. */
  #adding: Purpose | undefined
  /** Added just now, by who is still on the stack. */
  #fresh: Command | undefined

  /** A command is added: it is part of the session, and the scopes, in which it was called. */
  added(command: Command): void {
    const note = noteOf(command)
    note.surroundings = new AsyncResource('SignalboxCommand')
    if (this.#adding !== undefined) note.purpose = this.#adding
    this.#fresh = command
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
    noteOf(command).written = written
  }

  purposeOf(command: Command): Purpose | undefined {
    return (command as Noted)[noted]?.purpose
  }

  writtenOf(command: Command): Written | undefined {
    return (command as Noted)[noted]?.written
  }

  /** Runs `work` where the command was called. */
  run<Given extends unknown[]>(command: Command, work: (...given: Given) => void, ...given: Given): void {
    const surroundings = (command as Noted)[noted]?.surroundings
    if (surroundings === undefined) work(...given)
    else surroundings.runInAsyncScope(work, undefined, ...given)
  }

  /** From now on its callback is called where the command was. */
  tellWithin(command: Command): void {
    const surroundings = (command as Noted)[noted]?.surroundings
    const { onResult } = command
    if (surroundings !== undefined && onResult) command.onResult = toldWithin(surroundings, onResult)
  }

  /** Whether it is this very call that has added the command; true once. */
  takeFresh(command: Command): boolean {
    const isFresh = this.#fresh === command
    this.#fresh = undefined
    return isFresh
  }

  /** The call that has added it is over. */
  forgetFresh(): void {
    this.#fresh = undefined
  }
}

function noteOf(command: Noted): Note {
  return (command[noted] ??= {})
}

/** Not a closure of the method above: V8 kept 650 bytes of each command until its next full collection then. With as many arguments as mysql2 gives. */
function toldWithin(surroundings: AsyncResource, onResult: Told): Told {
  return (error, rows, fields) => {
    if (fields !== undefined) surroundings.runInAsyncScope(onResult, undefined, error, rows, fields)
    else if (rows === undefined) surroundings.runInAsyncScope(onResult, undefined, error)
    else surroundings.runInAsyncScope(onResult, undefined, error, rows)
  }
}
