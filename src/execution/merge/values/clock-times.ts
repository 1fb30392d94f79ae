import { compareKeys, type ValueOrder } from './value-order.ts'

/** A time of day, ready to be compared. */
export interface ClockTime {
  /** Microseconds since midnight, in UTC if there is an offset. */
  readonly micros: number
  /** Seconds east of UTC. */
  readonly east: number
}

const clockText = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?)?$/

/**
 * Times of day, MariaDB's from -838 to 838 hours, PostgreSQL's with an offset, too: these by the moment, and of the same
 * moment the most eastern first.
 */
export const clockTimes: ValueOrder<ClockTime> = {
  form: "a time as the text '12:00:00.5', with or without an offset from UTC",
  keyOf: (value) => {
    const match = typeof value === 'string' ? clockText.exec(value) : null
    if (match === null) return undefined
    const [
      ,
      sign,
      hours,
      minutes,
      seconds,
      fraction = '',
      direction,
      zoneHours = '0',
      zoneMinutes = '0',
      zoneSeconds = '0',
    ] = match
    const magnitude =
      (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1e6 + Number(fraction.padEnd(6, '0'))
    const offset = Number(zoneHours) * 3600 + Number(zoneMinutes) * 60 + Number(zoneSeconds)
    const east = direction === '-' ? -offset : offset
    return { micros: (sign === '-' ? -magnitude : magnitude) - east * 1e6, east }
  },
  compare: (a, b) => compareKeys(a.micros, b.micros) || compareKeys(b.east, a.east),
}
