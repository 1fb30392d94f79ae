/** The few shapes that the picture is made of, as SVG. Lengths are those of the picture's own grid. */

export interface Paint {
  readonly fill?: string
  readonly stroke?: string
  readonly width?: number
  readonly dash?: string
}

export interface Type {
  readonly colour: string
  readonly size?: number
  readonly bold?: boolean
  readonly mono?: boolean
  readonly anchor?: 'start' | 'middle' | 'end'
}

const ends: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function painted({ fill = 'none', stroke, width = 1, dash }: Paint): string {
  const line = stroke === undefined ? '' : ` stroke="${stroke}" stroke-width="${width}"`
  return ` fill="${fill}"${line}${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}`
}

export function box(x: number, y: number, width: number, height: number, radius: number, paint: Paint): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"${painted(paint)}/>`
}

export function path(d: string, paint: Paint): string {
  return `<path d="${d}"${painted(paint)}/>`
}

export function dot(x: number, y: number, radius: number, fill: string): string {
  return `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}"/>`
}

export function text(x: number, y: number, words: string, type: Type): string {
  const { colour, size = 13, bold = false, mono = false, anchor = 'start' } = type
  const attributes = [
    mono ? ' class="m"' : '',
    bold ? ' font-weight="600"' : '',
    anchor === 'start' ? '' : ` text-anchor="${anchor}"`,
  ].join('')
  const escaped = words.replace(/[&<>"]/g, (found) => ends[found] ?? found)
  return `<text x="${x}" y="${y}" fill="${colour}" font-size="${size}"${attributes}>${escaped}</text>`
}

/** A line that ends in an arrow: `d` ends at its point, and leads there downwards or to the right. */
export function arrow(d: string, towards: 'down' | 'right', tip: readonly [number, number], paint: Paint): string {
  const [x, y] = tip
  const head =
    towards === 'down'
      ? `M${x - 5} ${y - 8}L${x} ${y}L${x + 5} ${y - 8}z`
      : `M${x - 8} ${y - 5}L${x} ${y}L${x - 8} ${y + 5}z`
  return path(d, paint) + path(head, { fill: paint.stroke ?? 'none' })
}

/** A database: a cylinder, by the left and upper end of its drawing. */
export function cylinder(x: number, y: number, width: number, height: number, paint: Paint): string {
  const rx = width / 2
  const ry = Math.min(7, width / 7)
  const top = y + ry
  const lid = `a${rx} ${ry} 0 0 1 ${width} 0`
  const side = height - 2 * ry
  const { fill: _, ...line } = paint
  return (
    path(`M${x} ${top}${lid}v${side}a${rx} ${ry} 0 0 1 ${-width} 0z`, paint) +
    path(`M${x} ${top}a${rx} ${ry} 0 0 0 ${width} 0`, line)
  )
}
