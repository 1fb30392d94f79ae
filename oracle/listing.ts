import type { Engine } from '../src/topology/server-target.ts'
import { type Column, columnsOf, type Making, type Place } from './scope-of-tables.ts'

/** An aggregate that lists its rows: with an order that leaves no choice, or so that none can be seen. */
export function listing({ choices, engine }: Making, places: readonly Place[]): string {
  const columns = columnsOf(places)
  const listed = choices.pick(columns.filter(({ type }) => type === 'text' || type === 'int' || type === 'day'))
  const number = choices.pick(columns.filter(({ type }) => type === 'int' || type === 'day'))
  const [value, plain] = [listed.text, number.text]
  const first = choices.chance(50) ? [`${choices.pick(columns).text}${choices.pick(['', ' desc'])}`] : []
  const keys = places.flatMap(({ alias, table }) => table.primaryKey.map((name) => `${alias}.${name}`))
  const order = `order by ${[...first, ...keys].join(', ')}`
  const where =
    engine !== 'mysql' && choices.chance(30) ? ` filter (where ${choices.pick(columns).text} is not null)` : ''
  const ways: Readonly<Record<Engine, readonly string[]>> = {
    postgres: [
      `string_agg(${value}::text, ', ' ${order})${where}`,
      `array_agg(${value} ${order})${where}`,
      `json_agg(${value} ${order})${where}`,
      `array_to_string(array_agg(distinct ${value})${where}, ';')`,
      `length(string_agg(${value}::text, ','))`,
    ],
    // MariaDB errs where it keeps the rows of a join to sort them by groups. In an ORDER BY it takes the argument for each column of
    // the argument's name, whatever its table is; and what is not ASCII is garbled in JSON_ARRAYAGG, which may end as no JSON at all.
    mysql: [
      `group_concat(distinct ${value} order by ${value})`,
      `json_length(json_arrayagg(${plain}))`,
      ...(hasNamesake(listed, columns)
        ? []
        : [`group_concat(${value} ${order})`, `group_concat(${value}, '-' ${order} separator '; ')`]),
      ...(hasNamesake(number, columns) ? [] : [`json_arrayagg(${plain} ${order})`]),
    ],
    sqlite: [
      `group_concat(${value}, ', ' ${order})${where}`,
      `string_agg(${value}, ';' ${order})${where}`,
      `json_group_array(${value} ${order})${where}`,
      `length(group_concat(${value}))`,
      `json_array_length(json_group_array(${value})${where})`,
    ],
  }
  return choices.pick(ways[engine])
}

/** Whether another table has a column of the same name. */
function hasNamesake(column: Column, columns: readonly Column[]): boolean {
  const nameOf = ({ text }: Column): string => text.slice(text.lastIndexOf('.') + 1)
  return columns.filter((each) => nameOf(each) === nameOf(column)).length > 1
}
