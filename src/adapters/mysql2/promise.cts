import inner = require('./promise-names.ts')
import promise = inner.promise
export = promise
