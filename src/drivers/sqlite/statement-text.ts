/** What a driver must know of a text before it binds parameters and reads counts; nothing of it decides a route. */
export interface StatementText {
  /** The first word in lower case; behind `WITH …`, the word of the statement itself. */
  readonly verb: string
  /** How many values an array of parameters must have. */
  readonly positional: number
  /** Named parameters without their sigil, in the order of appearance. */
  readonly names: readonly string[]
}

/**
 * The tokens that matter, as https://www.sqlite.org/lang_expr.html#parameters and the tokenizer describe them. A
 * doubled quote inside a literal reads as two literals side by side, which comes to the same here. What is skipped
 * (comments, literals) has no capture group.
 */
const tokens =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$)|\?(?<index>\d*)|[:@$#](?<name>[\w$\u0080-\uffff]+(?:::[\w$\u0080-\uffff]*)*)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<bracket>[()])/g

const bodies = new Set(['select', 'values', 'insert', 'replace', 'update', 'delete'])

/** Reads one statement's text: its verb and the parameters that it takes. */
export function readStatementText(sql: string): StatementText {
  let verb = ''
  let depth = 0
  let highest = 0
  const named = new Map<string, string>()
  for (const match of sql.matchAll(tokens)) {
    const { index, name, word, bracket } = match.groups ?? {}
    if (index !== undefined) highest = index === '' ? highest + 1 : Math.max(highest, Number(index))
    else if (name !== undefined) {
      if (!named.has(match[0])) {
        named.set(match[0], name)
        highest += 1
      }
    } else if (bracket !== undefined) depth += bracket === '(' ? 1 : -1
    else if (word !== undefined && depth === 0) verb = nextVerb(verb, word)
  }
  return { verb, positional: highest - named.size, names: [...new Set(named.values())] }
}

function nextVerb(verb: string, word: string): string {
  if (verb !== '' && verb !== 'with') return verb
  const lower = word.toLowerCase()
  return verb === '' || bodies.has(lower) ? lower : verb
}

/** True if nothing but spaces, comments and semicolons is left behind a statement. */
export function isBlank(rest: string): boolean {
  return rest === '' || /^[\s;]*$/.test(rest.replaceAll(/--[^\n]*|\/\*[^]*?(?:\*\/|$)/g, ' '))
}
