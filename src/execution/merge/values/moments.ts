import { MergeError } from '../../../errors.ts'
import { type ValueOrder, withoutEnding } from './value-order.ts'

/** A point on one of two scales that cannot be compared with each other, unless it is infinite. */
export interface Moment {
  /** `instant`: seconds since 1970 in UTC; `calendar`: as a calendar and a clock show it, in no zone. */
  readonly scale: 'instant' | 'calendar'
  readonly seconds: number
  /** The digits behind the point, without zeros at the end. */
  readonly fraction: string
}

const momentText =
  /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:(Z)|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?)?( BC)?$/
const daySeconds = 86_400

/**
 * Dates and times of day together, with and without an offset from UTC, and dates alone.
 *
 * A `Date` has only milliseconds: values that the server tells apart may be equal here, and then the next key decides. For
 * the exact order ask for text.
 */
export const moments: ValueOrder<Moment> = {
  form: "a date, with or without a time, in ISO's form as text ('2026-01-31 12:00:00.5+01', '0044-03-15 BC'), 'infinity', or a Date",
  keyOf: (value) => {
    if (value instanceof Date) return ofDate(value)
    if (value === Infinity || value === 'infinity') return { scale: 'instant', seconds: Infinity, fraction: '' }
    if (value === -Infinity || value === '-infinity') return { scale: 'instant', seconds: -Infinity, fraction: '' }
    return typeof value === 'string' ? ofText(value) : undefined
  },
  compare: (a, b) => {
    if (a.scale !== b.scale && Number.isFinite(a.seconds) && Number.isFinite(b.seconds)) throw mixedScales()
    if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1
    if (a.fraction === b.fraction) return 0
    return a.fraction < b.fraction ? -1 : 1
  },
}

function ofDate(date: Date): Moment | undefined {
  const ms = date.getTime()
  if (Number.isNaN(ms)) return undefined
  const seconds = Math.floor(ms / 1000)
  return { scale: 'instant', seconds, fraction: withoutEnding(String(ms - seconds * 1000).padStart(3, '0'), '0') }
}

function ofText(text: string): Moment | undefined {
  const match = momentText.exec(text)
  if (match === null) return undefined
  const [, years, months, days, hours = '0', minutes = '0', seconds = '0', digits = '', utc, sign, ...rest] = match
  const [offsetHours, offsetMinutes = '0', offsetSeconds = '0', bc] = rest
  const fraction = withoutEnding(digits, '0')
  const year = bc === undefined ? Number(years) : 1 - Number(years)
  const month = Number(months)
  const day = Number(days)
  const clock = clockSeconds(hours, minutes, seconds)
  if (month > 12 || day > 31 || clock > daySeconds) return undefined
  if (utc === undefined && sign === undefined) {
    // MariaDB knows months and days 0; this scale has room for them, and its steps need not be equal.
    return { scale: 'calendar', seconds: ((year * 13 + month) * 32 + day) * (daySeconds + 1) + clock, fraction }
  }
  const offset = utc === undefined ? clockSeconds(offsetHours ?? '0', offsetMinutes, offsetSeconds) : 0
  const east = sign === '-' ? -offset : offset
  return { scale: 'instant', seconds: daysSince1970(year, month, day) * daySeconds + clock - east, fraction }
}

function clockSeconds(hours: string, minutes: string, seconds: string): number {
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** Of a day of the Gregorian calendar, continued backwards as the engines do; year 0 is 1 BC. Any year, unlike `Date`. */
function daysSince1970(year: number, month: number, day: number): number {
  // The calendar repeats itself every 400 years, which have 146 097 days.
  const cycles = Math.floor(year / 400)
  const within = Date.UTC(2000 + year - cycles * 400, month - 1, day) / (daySeconds * 1000)
  return within + (cycles - 5) * 146_097
}

function mixedScales(): MergeError {
  return new MergeError(
    'Some of the dates or times to sort by have an offset from UTC, or are Date objects, and others have neither: they cannot be compared. Let all shards give the same type, read in the same way.',
  )
}
