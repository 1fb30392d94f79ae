import inner = require('./mysql2/module.ts')
import mysql2 = inner.mysql2
export = mysql2
