import type { Route } from './route.ts'

/** A route as text for people: the target on the first line, then one line for each reason. */
export function formatRoute(route: Route): string {
  const shards = `${route.shards.length === 1 ? 'shard' : 'shards'} ${route.shards.join(', ')}`
  const consistency = route.consistency === undefined ? '' : ', consistent on each shard by itself'
  const target = `${route.database}, ${shards}, ${route.role}, as a ${route.effect}${consistency}`
  const lines = [`→ ${target}`, ...route.reasons.map(({ rule, text }) => `  · ${text} [${rule}]`)]
  if (route.sql !== undefined) lines.push(`  sent as: ${route.sql}`)
  return lines.join('\n')
}
