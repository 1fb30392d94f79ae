import { ConfigError } from '../../errors.ts'

const form = '"mysql://user:password@host:port/database?option=value" (or mariadb://)'

/**
 * Checks a data source name and puts it into the form that mysql2 reads: `mariadb://` is the same as `mysql://`. What
 * stands behind the `?` are options of mysql2 (https://sidorares.github.io/node-mysql2/docs), handed on as they are.
 *
 * @throws ConfigError without the name itself, which may hold a password
 */
export function mysqlUri(dsn: string): string {
  if (!/^(?:mysql|mariadb):\/\//.test(dsn)) {
    throw new ConfigError('dsn', 'it does not start like the name of a MySQL or MariaDB database.', form)
  }
  const uri = dsn.replace(/^mariadb:/, 'mysql:')
  if (!URL.canParse(uri)) {
    throw new ConfigError('dsn', 'it cannot be read. Percent-encode special characters in the user and password.', form)
  }
  return uri
}
