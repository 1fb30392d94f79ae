const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const whole = '█'

/** A bar of block characters, as long as `part` (0 to 1) of `columns`, to an eighth of a column; never nothing for something. */
export function barText(part: number, columns: number): string {
  const length = Math.max(part > 0 ? 1 : 0, Math.round(part * columns * 8))
  return whole.repeat(Math.floor(length / 8)) + (eighths[length % 8] ?? '')
}
