import type { Route } from './route.ts'

/** A route as text for people: the target on the first line, then one line for each reason. */
export function formatRoute(route: Route): string {
  const target = `${route.database}, shard ${route.shards.join(', ')}, ${route.role}, as a ${route.effect}`
  const lines = [`→ ${target}`, ...route.reasons.map(({ rule, text }) => `  · ${text} [${rule}]`)]
  if (route.sql !== undefined) lines.push(`  sent as: ${route.sql}`)
  return lines.join('\n')
}
