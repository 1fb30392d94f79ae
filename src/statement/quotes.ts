import type { Dialect } from './statement.ts'

/** A table by its name, and by its schema if it has one. */
export interface NamedTable {
  readonly schema?: string | undefined
  readonly name: string
}

/** A name as SQL writes it, whatever characters it has. */
export function quotedName(dialect: Dialect, name: string): string {
  const quote = dialect === 'mysql' ? '`' : '"'
  return quote + name.replaceAll(quote, quote + quote) + quote
}

export function quotedTable(dialect: Dialect, { schema, name }: NamedTable): string {
  return schema === undefined
    ? quotedName(dialect, name)
    : `${quotedName(dialect, schema)}.${quotedName(dialect, name)}`
}

/** A name that was given as one text, perhaps behind its schema: each part between the dots is a name. */
export function quotedPath(dialect: Dialect, path: string): string {
  const parts = path.split('.').map((part) => quotedName(dialect, part))
  return parts.join('.')
}

/**
 * A text as SQL writes it, whatever settings its connection has. Not for MySQL and MariaDB, where a mode of the connection says what a
 * backslash is: texts are parameters there.
 */
export function quotedText(dialect: Exclude<Dialect, 'mysql'>, text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  // The blank keeps the E apart from a word in front of it.
  return dialect === 'postgres' && text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
