import type { ClientBase, Submittable } from 'pg'
import type { DriverRequest, RowMode, TypeParsers } from '../driver.ts'
import { positional } from './call.ts'
import { carrierClass, type CarriedQuery, type CarrierClass } from './carried-query.ts'
import { internalsOf, rowConfig, type AnswerCallback, type NativeQueryClass } from './native.ts'
import type { PreparedStatement } from './prepared-statements.ts'
import { goAhead, type Leading } from './leading-query.ts'
import { openWith, type Opening } from './opening.ts'
import { takeAlong, type Trailing } from './trailing-query.ts'
import { repeatedQueryClass, repeatMessage, shaped, type RepeatedQueryClass } from './repeated-query.ts'

/** What is sent: a text, its parameters, and how the rows are to come. */
export interface Outgoing {
  readonly sql: string
  readonly params: readonly unknown[]
  readonly rowMode?: RowMode | undefined
  readonly types?: TypeParsers | undefined
  /** Sent right behind it; not where `pg` runs over its native bindings, and `answer` is then never called. */
  readonly trailing?: Trailing | undefined
  /** Sent right ahead of it; see {@link canGoAhead}. */
  readonly leading?: Leading | undefined
  /** Goes ahead of a statement that the connection has prepared, and of no other; see `Connection.canOpen`. */
  readonly opening?: Opening | undefined
  /** Its user's own query, which takes the answer in place of one that is made for it, where it can. */
  readonly query?: CarriedQuery | undefined
}

/** What a request asks to be sent. */
export function outgoingOf(request: DriverRequest, query?: CarriedQuery): Outgoing {
  return { sql: request.sql, params: positional(request), rowMode: request.rowMode, types: request.types, query }
}

/** Hands statements to the clients of one pool, in the form that costs `pg` the least. */
export class QuerySender {
  /** Derived from the query class of the pool's own clients: an application may bring a `pg` of its own. */
  #base: NativeQueryClass | undefined
  #repeated: RepeatedQueryClass | undefined
  #carrierBase: NativeQueryClass | undefined
  #carrier: CarrierClass | undefined

  /** `answer` is called once, and a second time if a parameter could not be encoded. */
  send(client: ClientBase, outgoing: Outgoing, prepared: PreparedStatement | undefined, answer: AnswerCallback): void {
    const { sql, params, rowMode, types, trailing, leading, opening } = outgoing
    const queryClass = (client.constructor as { Query?: NativeQueryClass }).Query
    const carried = queryClass === undefined ? undefined : this.#carried(client, queryClass, outgoing, prepared, answer)
    if (carried !== undefined) {
      client.query(carried as unknown as Submittable)
      return
    }
    const values = params.length > 0 ? params : undefined
    const rows = rowConfig(rowMode, types)
    if (queryClass === undefined) {
      const config = { text: sql, values, name: prepared?.name, ...rows }
      const taker = client as unknown as { query(config: unknown, callback: AnswerCallback): void }
      taker.query(config, answer)
      return
    }
    const query =
      prepared !== undefined
        ? new (this.#repeatedOf(queryClass))(sql, values, answer, prepared, rows)
        : shaped(new queryClass(sql, values, answer), rows)
    if (opening !== undefined) openWith(query, opening)
    if (trailing !== undefined && internalsOf(client).connection !== undefined)
      takeAlong(query, client, queryClass, trailing)
    const first = leading === undefined ? query : goAhead(query, client, queryClass, leading)
    client.query(first as unknown as Submittable)
  }

  /** What brings its user's query the answer, if that can take it. */
  #carried(
    client: ClientBase,
    queryClass: NativeQueryClass,
    { sql, params, query, trailing, leading, opening }: Outgoing,
    prepared: PreparedStatement | undefined,
    answer: AnswerCallback,
  ): object | undefined {
    if (query === undefined || trailing !== undefined || leading !== undefined || opening !== undefined)
      return undefined
    if (this.#carrier === undefined || this.#carrierBase !== queryClass) {
      this.#carrierBase = queryClass
      this.#carrier = carrierClass(queryClass)
    }
    const wire = internalsOf(client).connection
    const message = prepared === undefined ? undefined : repeatMessage(wire, sql, params, prepared)
    if (wire === undefined || (message === undefined && (prepared !== undefined || params.length > 0))) return undefined
    if (!query.take(message === undefined ? undefined : prepared?.columns)) return undefined
    return new this.#carrier(sql, message, query, answer)
  }

  #repeatedOf(base: NativeQueryClass): RepeatedQueryClass {
    if (this.#repeated === undefined || this.#base !== base) {
      this.#base = base
      this.#repeated = repeatedQueryClass(base)
    }
    return this.#repeated
  }
}
