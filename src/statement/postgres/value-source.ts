import type { ValueSource } from '../analysis.ts'
import { isTree, listAt, namesIn, nodeOf, numberAt, textAt, treeAt, typeOf, type Tree } from './tree.ts'

const expression: ValueSource = Object.freeze({ from: 'expression' })

/** Types whose input keeps a written integer as it is. */
const wholeNumberTypes = new Set(['int2', 'int4', 'int8', 'numeric', 'smallint', 'integer', 'bigint', 'int', 'text'])

/** Types whose input cuts a value short without saying so. */
const cuttingTypes = new Set(['char', 'name', 'bpchar', 'bit'])

/**
 * Where the value of an expression comes from. One cast around a parameter or a constant is looked through, unless it
 * may change the value (`1.5::int`, `'abc'::varchar(2)`).
 */
export function valueSource(value: unknown): ValueSource {
  const cast = nodeOf(value, 'TypeCast')
  if (cast === undefined) return plainSource(value)
  const typeName = treeAt(cast, 'typeName')
  const inner = plainSource(cast['arg'])
  return keepsValue(typeName, inner) ? inner : expression
}

function plainSource(value: unknown): ValueSource {
  const parameter = nodeOf(value, 'ParamRef')
  if (parameter !== undefined) {
    const number = numberAt(parameter, 'number') ?? 0
    return number > 0 ? { from: 'parameter', index: number - 1 } : expression
  }
  const constant = nodeOf(value, 'A_Const')
  return constant === undefined ? expression : constantSource(constant)
}

function constantSource(constant: Tree): ValueSource {
  if (constant['isnull'] === true) return { from: 'constant', value: null }
  const integer = treeAt(constant, 'ival')
  if (integer !== undefined) return { from: 'constant', value: numberAt(integer, 'ival') ?? 0 }
  const text = treeAt(constant, 'sval')
  if (text !== undefined) return { from: 'constant', value: textAt(text, 'sval') ?? '' }
  const boolean = treeAt(constant, 'boolval')
  if (boolean !== undefined) return { from: 'constant', value: boolean['boolval'] === true }
  const written = textAt(treeAt(constant, 'fval'), 'fval')
  return written === undefined ? expression : numericConstant(written)
}

/** A number too large for the grammar's integers, or with a fraction. */
function numericConstant(written: string): ValueSource {
  if (/^-?\d{1,40}$/.test(written)) return { from: 'constant', value: BigInt(written) }
  const digits = written.replace(/[^0-9]/g, '').length
  const value = Number(written)
  return /^-?\d*\.?\d*$/.test(written) && digits <= 15 && Number.isFinite(value)
    ? { from: 'constant', value }
    : expression
}

function keepsValue(typeName: Tree | undefined, source: ValueSource): boolean {
  if (typeName === undefined || listAt(typeName, 'typmods').length > 0) return false
  if (listAt(typeName, 'arrayBounds').length > 0) return false
  const name = namesIn(listAt(typeName, 'names'))?.at(-1)
  if (name === undefined || cuttingTypes.has(name)) return false
  if (source.from !== 'constant') return true
  const { value } = source
  if (typeof value === 'number') return Number.isInteger(value) && wholeNumberTypes.has(name)
  return typeof value !== 'boolean' || name === 'bool'
}

/** The values of `= ANY(…)`: an array parameter, or the elements of `ARRAY[…]`; undefined for anything else. */
export function arraySources(value: unknown): readonly ValueSource[] | undefined {
  const cast = nodeOf(value, 'TypeCast')
  const inner = cast === undefined ? value : cast['arg']
  if (cast !== undefined && !isPlainArrayType(treeAt(cast, 'typeName'))) return undefined
  const elements = nodeOf(inner, 'A_ArrayExpr')
  if (elements !== undefined) return cast === undefined ? listAt(elements, 'elements').map(valueSource) : undefined
  const source = plainSource(inner)
  return source.from === 'parameter' ? [{ from: 'array-parameter', index: source.index }] : undefined
}

function isPlainArrayType(typeName: Tree | undefined): boolean {
  if (typeName === undefined || listAt(typeName, 'typmods').length > 0) return false
  const name = namesIn(listAt(typeName, 'names'))?.at(-1)
  return name !== undefined && !cuttingTypes.has(name)
}

/** Whether an expression may stand for a value that does not come from a row: no column, no subquery at its top. */
export function isValueSide(value: unknown): boolean {
  if (!isTree(value)) return false
  const type = typeOf(value)
  return type !== undefined && type !== 'ColumnRef' && type !== 'SubLink' && type !== 'A_Indirection'
}
