/** About how many bytes a row's values take as text. */
export function weightOf(row: unknown): number {
  let weight = 0
  for (const value of row as readonly unknown[]) {
    if (typeof value === 'string') weight += value.length + 4
    else weight += value instanceof Uint8Array ? value.length * 2 + 4 : 8
  }
  return weight
}

/** Rows that come one by one, in batches that are full with so many of them, or with so much in them. */
export async function* weighed(
  rows: AsyncIterable<unknown>,
  most: { readonly rows: number; readonly weight: number },
): AsyncGenerator<readonly unknown[], void, undefined> {
  let batch: unknown[] = []
  let weight = 0
  for await (const row of rows) {
    batch.push(row)
    weight += weightOf(row)
    if (batch.length < most.rows && weight < most.weight) continue
    yield batch
    batch = []
    weight = 0
  }
  if (batch.length > 0) yield batch
}
