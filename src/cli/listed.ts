const mostNamed = 8

/** The first few names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - mostNamed
  return names.slice(0, mostNamed).join(', ') + (more > 0 ? `, and ${more} more` : '')
}
