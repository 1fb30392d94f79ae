const block = 8192n
const blockHeader = 24n
const smallestSegment = 1024n * 1024n
const segmentHeader = 40n

/**
 * The end of the last record in the log, from what `pg_current_wal_insert_lsn()` said: where a replica is once it has
 * replayed everything.
 *
 * The function names the place where the next record will begin. If the last one ended exactly at the end of a block,
 * that is behind the header of the next block, which is written with the next record only: a replica stays before it
 * for as long as nobody writes (seen on PostgreSQL 15: 20 seconds, until the server noted its running transactions).
 * The headers have 24 bytes, and 40 in the first block of a segment (`SizeOfXLogShortPHD` and `SizeOfXLogLongPHD` of
 * PostgreSQL's `xlog_internal.h`).
 *
 * No replica counts as having a commit that it has not, whatever the sizes of blocks (1 to 64 kB) and segments (1 MB to
 * 1 GB) the server was built with, though those of a default build are assumed. Replicas are at the ends of records, no
 * record is shorter than 24 bytes, and that of a commit not than 34: none ends within 24 bytes before the end of a
 * commit. Nor within 40 bytes behind a multiple of 1 MB, which is the beginning of a block in all of them.
 */
export function endOfLog(insertPosition: bigint): bigint {
  if (insertPosition % block === blockHeader) return insertPosition - blockHeader
  if (insertPosition % smallestSegment === segmentHeader) return insertPosition - segmentHeader
  return insertPosition
}
