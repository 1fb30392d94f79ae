'use strict'

module.exports = require('signalbox-true-pg/lib/result')
