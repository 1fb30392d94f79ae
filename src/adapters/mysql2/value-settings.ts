/** What mysql2 reads of a connection's settings to write values and to make rows of what comes. They are those of whom a command comes from. */
export interface HasValueSettings {
  readonly infileStreamFactory?: unknown
  readonly supportBigNumbers?: unknown
  readonly bigNumberStrings?: unknown
  readonly decimalNumbers?: unknown
  readonly dateStrings?: unknown
  readonly stringifyObjects?: unknown
  readonly timezone?: unknown
  readonly queryFormat?: unknown
  readonly rowsAsArray?: unknown
  readonly namedPlaceholders?: unknown
  readonly nestTables?: unknown
  readonly typeCast?: unknown
  readonly disableEval?: unknown
  readonly jsonStrings?: unknown
}

export function valueSettingsOf(config: HasValueSettings): Required<HasValueSettings> {
  return {
    infileStreamFactory: config.infileStreamFactory,
    supportBigNumbers: config.supportBigNumbers,
    bigNumberStrings: config.bigNumberStrings,
    decimalNumbers: config.decimalNumbers,
    dateStrings: config.dateStrings,
    stringifyObjects: config.stringifyObjects,
    timezone: config.timezone,
    queryFormat: config.queryFormat,
    rowsAsArray: config.rowsAsArray,
    namedPlaceholders: config.namedPlaceholders,
    nestTables: config.nestTables,
    typeCast: config.typeCast,
    disableEval: config.disableEval,
    jsonStrings: config.jsonStrings,
  }
}

/** Asked for each statement, so each setting has its own name here: in a loop over their names it takes a microsecond. */
export function haveSameValueSettings(a: HasValueSettings, b: HasValueSettings): boolean {
  return (
    a.infileStreamFactory === b.infileStreamFactory &&
    a.supportBigNumbers === b.supportBigNumbers &&
    a.bigNumberStrings === b.bigNumberStrings &&
    a.decimalNumbers === b.decimalNumbers &&
    a.dateStrings === b.dateStrings &&
    a.stringifyObjects === b.stringifyObjects &&
    a.timezone === b.timezone &&
    a.queryFormat === b.queryFormat &&
    a.rowsAsArray === b.rowsAsArray &&
    a.namedPlaceholders === b.namedPlaceholders &&
    a.nestTables === b.nestTables &&
    a.typeCast === b.typeCast &&
    a.disableEval === b.disableEval &&
    a.jsonStrings === b.jsonStrings
  )
}
