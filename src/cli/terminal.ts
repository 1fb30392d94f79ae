import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Where the program reads and writes; a test gives its own. */
export interface Terminal {
  /** To the standard output. Resolves when the text was handed over, so that the process may end. */
  write(text: string): Promise<void>
  /** To the standard error output. */
  writeError(text: string): Promise<void>
  /** Colours for people: only on a terminal, and not under `NO_COLOR`. */
  style(style: Style, text: string): string
  /** Columns that a table may take: 80 to 120; 100 where there is no terminal. */
  readonly columns: number
  /** The standard input, whole. */
  read(): Promise<string>
  /** Puts a question to whoever sits there, and gives the answer; `undefined`: nobody does. */
  ask(question: string): Promise<string | undefined>
  /** Whether the standard output is a terminal, so that what stands there can be drawn over. */
  readonly isInteractive: boolean
  /** Fires when the user has seen enough: Ctrl-C, SIGTERM, or nobody reads the output any more. A second Ctrl-C kills. */
  interruption(): AbortSignal
}

const narrowest = 80
const widest = 120
const withoutTerminal = 100

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    write: async (text) => await writeTo(process.stdout, text),
    writeError: async (text) => await writeTo(process.stderr, text),
    style: (style, text) => styleText(style, text, { stream: process.stdout }),
    columns: Math.min(widest, Math.max(narrowest, columnsOf(process.stdout.columns))),
    read: async () => {
      let text = ''
      process.stdin.setEncoding('utf8')
      for await (const chunk of process.stdin) text += String(chunk)
      return text
    },
    ask: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
      const reader = createInterface({ input: process.stdin, output: process.stderr })
      // Ctrl-C and Ctrl-D are no answer.
      const closed = new Promise<string>((resolve) => void reader.once('close', () => resolve('')))
      reader.once('SIGINT', () => reader.close())
      try {
        return await Promise.race([reader.question(question).catch(() => ''), closed])
      } finally {
        reader.close()
      }
    },
    isInteractive: process.stdout.isTTY,
    interruption: () => {
      const enough = new AbortController()
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => enough.abort())
      process.stdout.on('error', () => enough.abort())
      return enough.signal
    },
  }
}

function columnsOf(reported: number | undefined): number {
  const wished = Number(process.env['COLUMNS'])
  return reported ?? (Number.isInteger(wished) && wished > 0 ? wished : withoutTerminal)
}

async function writeTo(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The error also comes as an event, which would end the process if nobody listened.
    stream.once('error', () => undefined)
    stream.write(text, (error) => {
      // Who reads may have seen enough (`signalbox check | head -3`), which is no failure of ours.
      if (error == null || ('code' in error && error.code === 'EPIPE')) resolve()
      else reject(error)
    })
  })
}
