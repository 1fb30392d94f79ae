// By this path it is `pg` itself also where `pg` is an alias of `signalbox-pg`, which hands such paths on.
// @ts-expect-error -- it has types for its main path alone
import pg from 'pg/lib/index.js'
import type { Pg } from './native-pg.ts'

export default pg as Pg
