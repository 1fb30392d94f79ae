import { format } from 'prettier'

const style = { parser: 'typescript', semi: false, singleQuote: true } as const

/** A declaration as a block of code. */
export async function block(declaration: string): Promise<string> {
  const isClass = /^(?:class|interface) /.test(declaration)
  // An object whose members follow in the text.
  const code = declaration.includes('{ … }')
    ? declaration
    : await format(isClass ? `${declaration} {}` : declaration, { ...style, printWidth: 100 })
  return `\`\`\`ts\n${code.trim().replace(/ ?\{\}$/, isClass ? '' : '{}')}\n\`\`\``
}

/** Members of one name as a block of code. */
export async function memberBlock(signatures: readonly string[]): Promise<string> {
  const formatted = await Promise.all(signatures.map(async (signature) => await member(signature, 102)))
  return `\`\`\`ts\n${formatted.join('\n')}\n\`\`\``
}

/** A member on one line. */
export async function inline(signature: string): Promise<string> {
  return (await member(signature, 10_000, true)).replace(/\s*\n\s*/g, ' ').replace(/;$/, '')
}

async function member(signature: string, printWidth: number, semi = false): Promise<string> {
  const constructed = /^new \w+/.exec(signature)?.[0] ?? ''
  const code = constructed === '' ? signature : `new ${signature.slice(constructed.length)}`
  const formatted = await format(`interface X {\n${code}\n}`, { ...style, printWidth, semi })
  const lines = formatted.trim().split('\n').slice(1, -1)
  const text = lines.map((line) => line.replace(/^ {2}/, '')).join('\n')
  return constructed === '' ? text : text.replace(/^new /, constructed)
}
