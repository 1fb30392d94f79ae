/**
 * Narrowing accessors for the parser's tree, which arrives as JSON: a node is `{ TypeName: fields }` where the grammar
 * allows several types, and bare `fields` where it allows one. Fields that hold their zero value are left out.
 */

export interface Tree {
  readonly [field: string]: unknown
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The type name of a wrapped node; undefined for bare fields and for anything else. */
export function typeOf(value: Tree): string | undefined {
  for (const key in value) {
    const code = key.charCodeAt(0)
    return code >= 65 && code <= 90 ? key : undefined
  }
  return undefined
}

/** The fields of a wrapped node of that type. */
export function nodeOf(value: unknown, type: string): Tree | undefined {
  if (!isTree(value)) return undefined
  const fields = value[type]
  return isTree(fields) ? fields : undefined
}

export function treeAt(fields: Tree | undefined, field: string): Tree | undefined {
  const value = fields?.[field]
  return isTree(value) ? value : undefined
}

const nothing: readonly unknown[] = Object.freeze([])

export function listAt(fields: Tree | undefined, field: string): readonly unknown[] {
  const value: unknown = fields?.[field]
  return Array.isArray(value) ? (value as readonly unknown[]) : nothing
}

export function textAt(fields: Tree | undefined, field: string): string | undefined {
  const value = fields?.[field]
  return typeof value === 'string' ? value : undefined
}

export function numberAt(fields: Tree | undefined, field: string): number | undefined {
  const value = fields?.[field]
  return typeof value === 'number' ? value : undefined
}

/** The strings of a list of `String` nodes; undefined if anything else is among them. */
export function namesIn(list: readonly unknown[]): readonly string[] | undefined {
  const names: string[] = []
  for (const item of list) {
    const fields = nodeOf(item, 'String')
    if (fields === undefined) return undefined
    names.push(textAt(fields, 'sval') ?? '')
  }
  return names
}

/** A bare `RangeVar`: the only node that names a relation. */
export function isRangeVar(value: Tree): boolean {
  return typeof value['relname'] === 'string'
}
