import { decimalText, moneyOf, type Money } from './money.ts'

export const engineNames = ['sqlite', 'postgres', 'mariadb'] as const
export type EngineName = (typeof engineNames)[number]

/** All that this demo has to know about the differences between the engines. */
export interface Dialect {
  readonly name: EngineName
  /** For people. */
  readonly title: string
  readonly moneyType: string
  readonly dateType: string
  /** A statement written with `?` for each parameter, as the engine wants it. The demo has no `?` in its literals. */
  readonly text: (sql: string) => string
  /** An amount as a parameter. */
  readonly moneyParameter: (money: Money) => string | number
}

const exactDecimals = {
  moneyType: 'decimal(12, 4)',
  dateType: 'date',
  moneyParameter: decimalText,
} as const

export const dialects: Readonly<Record<EngineName, Dialect>> = {
  sqlite: {
    name: 'sqlite',
    title: 'SQLite',
    // SQLite has no decimal type, and REAL would not add up exactly: whole ten-thousandths do.
    moneyType: 'integer',
    // Nor has it a date type: ISO text sorts and compares as dates do.
    dateType: 'text',
    text: (sql) => sql,
    moneyParameter: (money) => money,
  },
  postgres: {
    name: 'postgres',
    title: 'PostgreSQL',
    ...exactDecimals,
    text: (sql) => {
      let position = 0
      return sql.replaceAll('?', () => `$${++position}`)
    },
  },
  mariadb: { name: 'mariadb', title: 'MariaDB', ...exactDecimals, text: (sql) => sql },
}

/** An amount in a row: a whole number from SQLite, decimal text from the others. */
export type MoneyColumn = number | string

/** A count or sum of whole numbers in a row: PostgreSQL and MariaDB give text, because it may be too big for a number. */
export type CountColumn = number | string

/** A day in a row: ISO text from SQLite, from the others a `Date` at midnight of the local time zone. */
export type DayColumn = string | Date

export function moneyOfColumn(value: MoneyColumn): Money {
  return typeof value === 'string' ? moneyOf(value) : value
}

export function dayOfColumn(value: DayColumn): string {
  if (typeof value === 'string') return value
  const pad = (part: number): string => String(part).padStart(2, '0')
  return `${value.getFullYear()}-${pad(value.getMonth() + 1)}-${pad(value.getDate())}`
}
