const units = ['B', 'kB', 'MB', 'GB', 'TB']

/** A number of bytes in powers of 1,024, as PostgreSQL counts them. */
export function byteText(count: number): string {
  const power = Math.min(units.length - 1, count === 0 ? 0 : Math.floor(Math.log2(count) / 10))
  return `${power === 0 ? count : (count / 1_024 ** power).toFixed(1)} ${units[power]}`
}
