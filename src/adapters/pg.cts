import inner = require('./pg/module.ts')
import pg = inner.pg
export = pg
