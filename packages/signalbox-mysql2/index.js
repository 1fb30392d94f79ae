'use strict'

module.exports = require('signalbox/mysql2')
