import { SignalboxError } from '../../errors.ts'

/** Nothing was sent: a text is no cursor of a page, or one of a query with another ORDER BY. */
export class CursorError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_CURSOR', message)
  }
}

/** The ORDER BY of a query that is read page by page does not tell all rows apart. */
export class PageOrderError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_PAGE_ORDER', message)
  }
}
