/** Tables of a world. */
export const plainNames = ['product', 'review', 'note']
/** Names that must be quoted, or that are more than letters. */
export const oddNames = ['order', 'a b', 'straße']
export const columnNames = ['a', 'b', 'c', 'd']
export const oddColumnNames = ['from', 'it\'s "b"', 'set', 'Größe']
