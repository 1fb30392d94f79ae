import type { Colours } from './colours.ts'
import { arrow, box, cylinder, dot, path, text } from './shapes.ts'

// All is drawn within this frame of the grid.
const edge = 11
const width = 738
const height = 504

const told =
  'The application, with its query tools, and Signalbox run in one process. Signalbox reads each statement, decides its route with ' +
  'every reason, and carries it out on databases by function, a primary with replicas, shards, or a shadow of production.'

/** What Signalbox is, in one picture; the reasons are those that `client.explain()` gives. */
export function drawIdea(colours: Colours): string {
  const parts = [
    ...process(colours),
    ...application(colours),
    ...signalbox(colours),
    ...tracks(colours),
    ...byFunction(colours),
    ...replicas(colours),
    ...shards(colours),
    ...shadow(colours),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${edge} ${edge} ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="name told">`,
    '<title id="name">Signalbox: one data layer over many databases</title>',
    `<desc id="told">${told}</desc>`,
    '<style>text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}</style>',
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function process({ quiet, line }: Colours): readonly string[] {
  return [
    box(12, 12, 736, 284, 14, { stroke: line, dash: '5 4' }),
    text(30, 35, 'Your Node.js process', { colour: quiet, size: 12.5, bold: true }),
    text(730, 35, 'no proxy, no daemon', { colour: quiet, size: 12.5, anchor: 'end' }),
  ]
}

function application({ text: ink, quiet, panel, edge, box: chip, line }: Colours): readonly string[] {
  const tools = [
    ['Kysely', 74],
    ['plain SQL', 90],
    ['transactions', 108],
    ['streams', 78],
    ['requests, jobs', 114],
  ] as const
  let x = 712
  const chips = [...tools].toReversed().flatMap(([name, wide]) => {
    x -= wide + 8
    return [
      box(x + 8, 58, wide, 26, 13, { fill: chip, stroke: edge }),
      text(x + 8 + wide / 2, 75.5, name, { colour: quiet, size: 12.5, anchor: 'middle' }),
    ]
  })
  return [
    box(28, 48, 704, 46, 10, { fill: panel, stroke: edge }),
    text(46, 76, 'Your application', { colour: ink, size: 15, bold: true }),
    ...chips,
    arrow('M152 94V116', 'down', [152, 122], { stroke: line, width: 2 }),
  ]
}

function signalbox(colours: Colours): readonly string[] {
  const { text: ink, quiet, route, tint, box: inner, edge } = colours
  const reasons = [
    'product lives in "shop": the default, for no home is declared',
    'a read may go to a replica',
    'the replica shows everything that the session wrote or saw',
  ]
  return [
    box(28, 122, 704, 158, 10, { fill: tint, stroke: route, width: 1.5 }),
    dot(49, 142, 4.5, route),
    text(60, 147, 'Signalbox', { colour: ink, size: 15, bold: true }),
    text(714, 147, 'pools, log positions, failover, merging', { colour: quiet, size: 12.5, anchor: 'end' }),
    text(46, 171, 'Statement', { colour: quiet, size: 12.5 }),
    box(44, 180, 216, 84, 8, { fill: inner, stroke: edge }),
    ...['select name, price', 'from product', 'where id = $1'].map((row, index) =>
      text(58, 207.5 + index * 19, row, { colour: ink, size: 13, mono: true }),
    ),
    arrow('M268 222H292', 'right', [298, 222], { stroke: route, width: 2 }),
    text(308, 171, 'Route, and why', { colour: quiet, size: 12.5 }),
    box(306, 180, 410, 84, 8, { fill: inner, stroke: edge }),
    text(320, 201, '→ shop, shard main, replica, as a read', { colour: route, size: 13, bold: true, mono: true }),
    ...reasons.flatMap((reason, index) => [
      dot(324, 216 + index * 17, 2, quiet),
      text(334, 220 + index * 17, reason, { colour: ink, size: 12.5 }),
    ]),
  ]
}

// The columns of the four panels: their left edges, and where a track comes in.
const columns = [12, 200, 388, 576] as const
const entries = [98, 328, 474, 662] as const
const panelTop = 338

/** Tracks, as in front of a station; the one of the statement is set. */
function tracks({ line, route }: Colours): readonly string[] {
  const trunk = 380
  const [first, set, third, fourth] = entries
  const bend = (x: number): string => {
    const side = x < trunk ? -1 : 1
    return `M${trunk} 280V309q0 8 ${8 * side} 8H${x - 8 * side}q${8 * side} 0 ${8 * side} 8V${panelTop}`
  }
  return [
    ...[first, third, fourth].map((x) => path(bend(x), { stroke: line, width: 2 })),
    path(bend(set).replace(/V\d+$/, `V${panelTop + 36}`), { stroke: route, width: 3.5 }),
    dot(trunk, 280, 5, route),
  ]
}

function frame(column: number, title: string, says: readonly string[], colours: Colours): readonly string[] {
  const x = columns[column] ?? 0
  return [
    box(x, panelTop, 172, 176, 10, { fill: colours.panel, stroke: colours.edge }),
    text(x + 14, panelTop + 25, title, { colour: colours.text, size: 14, bold: true }),
    ...says.map((words, index) =>
      text(x + 14, panelTop + 147 + index * 16, words, { colour: colours.quiet, size: 12 }),
    ),
  ]
}

function byFunction(colours: Colours): readonly string[] {
  const rows = [
    ['shop', 'PostgreSQL'],
    ['reviews', 'MariaDB'],
    ['archive', 'SQLite'],
  ] as const
  const x = columns[0] + 16
  return [
    ...frame(0, 'By function', ['Each table has its home,', 'on any of three engines.'], colours),
    ...rows.flatMap(([name, engine], index) => {
      const y = panelTop + 38 + index * 30
      return [
        cylinder(x, y, 26, 24, { fill: colours.server, stroke: colours.line, width: 1.5 }),
        text(x + 36, y + 17, name, { colour: colours.text, size: 12.5 }),
        text(x + 142, y + 17, engine, { colour: colours.quiet, size: 12, anchor: 'end' }),
      ]
    }),
  ]
}

function replicas(colours: Colours): readonly string[] {
  const x = columns[1]
  const y = panelTop
  const copy = { stroke: colours.line, width: 1.5, dash: '3 3' }
  return [
    // The track goes on into this panel, above its ground.
    ...frame(1, 'Replicas', ['You read what you wrote,', 'by log position.'], colours),
    path(`M${entries[1]} ${y}V${y + 34}`, { stroke: colours.route, width: 3.5 }),
    cylinder(x + 14, y + 56, 52, 46, { fill: colours.primaryFill, stroke: colours.primary, width: 1.5 }),
    text(x + 40, y + 86, 'primary', { colour: colours.primary, size: 11.5, anchor: 'middle' }),
    path(`M${x + 68} ${y + 74}C${x + 86} ${y + 70} ${x + 84} ${y + 54} ${x + 98} ${y + 54}`, copy),
    path(`M${x + 68} ${y + 86}C${x + 86} ${y + 90} ${x + 84} ${y + 106} ${x + 98} ${y + 106}`, copy),
    cylinder(x + 102, y + 34, 52, 40, { fill: colours.routeFill, stroke: colours.route, width: 2 }),
    text(x + 128, y + 61, 'has it', { colour: colours.route, size: 11.5, anchor: 'middle' }),
    cylinder(x + 102, y + 84, 52, 40, { fill: colours.lateFill, stroke: colours.late, width: 1.5 }),
    text(x + 128, y + 111, 'is late', { colour: colours.late, size: 11.5, anchor: 'middle' }),
  ]
}

function shards(colours: Colours): readonly string[] {
  const x = columns[2]
  const y = panelTop
  const from = x + 86
  const line = { stroke: colours.line, width: 1.5 }
  return [
    ...frame(2, 'Shards', ['Found from the key; or all', 'are asked, and merged.'], colours),
    ...['a', 'b', 'c'].flatMap((name, index) => {
      const middle = x + 36 + index * 50
      return [
        path(`M${from} ${y + 56}L${middle} ${y + 78}`, line),
        cylinder(middle - 20, y + 78, 40, 44, { fill: colours.server, ...line }),
        text(middle, y + 107, name, { colour: colours.text, size: 12.5, anchor: 'middle' }),
      ]
    }),
    box(x + 36, y + 36, 100, 22, 11, { fill: colours.server, ...line }),
    text(from, y + 51, 'customer_id', { colour: colours.text, size: 11.5, mono: true, anchor: 'middle' }),
  ]
}

function shadow(colours: Colours): readonly string[] {
  const x = columns[3]
  const y = panelTop
  return [
    ...frame(3, 'Shadow', ['Production’s rows, your', 'changes laid over them.'], colours),
    cylinder(x + 26, y + 72, 120, 52, { fill: colours.server, stroke: colours.line, width: 1.5 }),
    text(x + 86, y + 108, 'production', { colour: colours.quiet, size: 12, anchor: 'middle' }),
    cylinder(x + 26, y + 38, 120, 46, { fill: colours.shadowFill, stroke: colours.shadow, width: 1.5, dash: '4 3' }),
    text(x + 86, y + 69, 'your changes', { colour: colours.shadow, size: 12, anchor: 'middle' }),
  ]
}
