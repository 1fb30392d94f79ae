import type { Canonical, RawValue } from './values/kind.ts'

/** Characters of one block. */
const blockLength = 65_536

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** A row in the text form of PostgreSQL's COPY. */
export function copyLine(values: readonly RawValue[]): string {
  return `${values.map((value) => (value === null ? '\\N' : escaped(String(value)))).join('\t')}\n`
}

/** Rows as blocks of that form. `values`: a row as the texts that PostgreSQL reads, or null. */
export async function* copyBlocks(
  rows: Iterable<readonly Canonical[]>,
  values: (row: readonly Canonical[]) => readonly RawValue[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let text = ''
  for (const row of rows) {
    text += copyLine(values(row))
    if (text.length < blockLength) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

function escaped(text: string): string {
  return /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (char) => escapes[char]!) : text
}
