/** Types without equality, or whose `=` is about their size. */
const opaque = /^(?:json|xml|point|line|lseg|box|path|polygon|circle|aclitem)$/

/** Whether values of a type can only be told apart by their texts. `underlying`: as {@link underlyingType} finds it. */
export function isOpaque(underlying: string): boolean {
  return opaque.test(underlying)
}

/** The name of the type of which a type's values are made in the end: below domains and arrays. `id`: the type as SQL. */
export function underlyingType(id: string): string {
  return `(WITH RECURSIVE under (id, below) AS (
      SELECT t.oid, CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END
        FROM pg_type t WHERE t.oid = ${id}
      UNION ALL SELECT t.oid, CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END
        FROM under JOIN pg_type t ON t.oid = under.below)
    SELECT format_type(id, NULL) FROM under WHERE below = 0)`
}
