/**
 * Dollars as a whole number of ten-thousandths, because the data has amounts like 957.5775. Whole numbers add up
 * exactly, and the sum of all sales (2,297,200.8603) is far below what a JavaScript number holds exactly.
 */
export type Money = number

const decimals = 4

/** An amount from decimal text as CSV files, `numeric` and `DECIMAL` columns give it, without a detour over floats. */
export function moneyOf(text: string): Money {
  const match = /^(-?\d+)(?:\.(\d{1,4}))?$/.exec(text)
  if (match === null) throw new Error(`"${text}" is no amount with at most ${decimals} decimals.`)
  const [, whole = '', fraction = ''] = match
  return Number(whole + fraction.padEnd(decimals, '0'))
}

/** An amount as decimal text: `-383.0310`. */
export function decimalText(money: Money): string {
  const digits = String(Math.abs(money)).padStart(decimals + 1, '0')
  return `${money < 0 ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}

/** An amount for people, rounded to cents: `$2,297,200.86`. */
export function dollars(money: Money): string {
  return (money / 10 ** decimals).toLocaleString('en-US', { style: 'currency', currency: 'USD' })
}
