import { configFileNames } from './config-file.ts'

/** Printed behind the commands and options of `signalbox --help`. */
export const programHelp = `
Configuration:
  The nearest ${configFileNames.join(', ').replace(/, ([^,]+)$/, ' or $1')},
  in the working directory or a folder above it, with a configuration (or a function
  that makes one) as its default export:

    import { defineConfig } from 'signalbox'

    export default defineConfig({
      databases: { default: 'shop', shop: 'postgres://…', reviews: 'sqlite:./reviews.db' },
      tables: { review: 'reviews' },
    })

  When the file is found by searching, its folder becomes the working directory, so
  that relative paths of SQLite files count from there.
  TypeScript needs Node.js 22.18 or later.

Examples:
  $ signalbox explain "select * from review where product_id = $1" 7
  $ signalbox check
  $ signalbox check --url "postgres://app@localhost/shop"
  $ signalbox status --watch
  $ signalbox shards

Environment:
  SIGNALBOX_CONFIG  path of the configuration file, as --config
  SIGNALBOX_URL     data source name of a single database, as --url, but not to be
                    seen in a list of processes; --config and --url come first
  SIGNALBOX_NO_WRITES_TO
                    databases that are only read, by alias: production,reviews; * = all
  NO_COLOR          no colours, even on a terminal
  COLUMNS           width of the output where it goes to no terminal

Exit codes:
  0  all is well
  1  explain: the statement is refused; check: a problem was found;
     status: a shard has not exactly one primary, or a server is out;
     shards: a shard cannot be reached;
     recover: a server could not be asked, or something is left prepared;
     shadow: something is in conflict, was refused, or was not confirmed
  2  the command line or the configuration is wrong`

export const explainHelp = `
The answer has the route (database, shard, role, and whether the statement counts as a
read or a write), every reason for it in the order of the decision, and what was found
in the text: kind, tables, functions, and the values of columns that routers may look at.
It is made by the code that decides in the application. Nothing is sent, and nothing is
connected to; functions of a PostgreSQL server's own, which the application would look up
there, count as unknown.

Examples:
  $ signalbox explain "select * from review where product_id = $1" 7
  $ signalbox explain "select * from customer where id = :id" --param id=42
  $ signalbox explain "delete from archived_order" --using archive
  $ cat report.sql | signalbox explain - --json
  $ signalbox explain --file queries.sql

Of a database with several shards it also says on which of them the statement runs, and, if
each is asked for its part, the text that it gets and how the answers are put together.
Without parameters a shard that hangs on one counts as one shard by key.

With --file every statement of a file is looked at that way, split at the semicolons: before
an application is spread over shards, its queries can be read from a log, and this says
which of them go to one shard, are scattered, go to all, or are refused and why.

Exit codes:
  0  the statement has a route; with --file, all of them have
  1  a statement is refused; the answer says why
  2  the command line or the configuration is wrong`

export const checkHelp = `
All databases are looked at at the same time. For each: does it answer, and if not, why;
product, version and role as the server says it; one round trip; how many connections
the server takes and how many one process of the application may open. Then the tables:
is every declared table in its home, is there one of the same name elsewhere, and has an
exclusive database tables that are not declared for it. Nothing is written: SQLite files
are opened for reading only and never created.

Of replicas: is each one there, does it take writes (it should not), is it a copy of the
cluster of its primary (PostgreSQL), does it receive, and may the account write to it in
spite of read_only (MariaDB, MySQL)?

Of databases with several shards all servers are looked at, and their tables are compared:
has each shard the sharded and reference tables, with the same columns and the shard key;
have reference tables as many rows everywhere; has an unsharded table rows on other shards
than the first; is it said of each table how it is spread?

Connections: what --processes processes of the application may open to a server, in all
its databases and roles together, is compared with its max_connections. The default is
one process; say how many there are on all machines.

Problems (exit code 1): a database or replica that cannot be reached; a primary that takes
no writes; a replica that does, or that belongs to another cluster; more connections than
a server takes; a declared table that is missing, or only elsewhere; an undeclared table in
an exclusive database, or in one with several shards; a shard without a table, a column or
a shard key that others have; rows of an unsharded table on another shard than the first;
databasesShareServer where there are two servers.
Warnings (exit code 1 with --strict): the same table in two places; an undeclared table
outside the default database; a glob that fits nothing; a replica that receives nothing,
or to which the account may write; a reference table with other rows on another shard, or
columns in another order; more than 80 % of the connections that a server takes;
a SQLite file that may not be written.

Examples:
  $ signalbox check
  $ signalbox check --strict --timeout 2000
  $ signalbox check --processes 24
  $ signalbox check --json | jq '.findings[] | select(.severity == "error")'

Exit codes:
  0  all is well
  1  a problem was found
  2  the command line or the configuration is wrong`

export const statusHelp = `
The servers of a database with replicas are asked as the application asks them, by its
own limits (replication.probeTimeoutMs, replication.maxLagMs), so what is out here is out
there. Roles are what the servers say; an asterisk marks one that is declared as the other.
Position: timeline and log position (PostgreSQL) or GTIDs (MariaDB). Lag: how old the
picture is that a replica shows; with a ≥ if it was behind already in the first picture, and
nobody saw since when. Behind: bytes of log that it has yet to replay. The server of a
database without replicas is asked for its role only.

With --watch it is shown again and again until Ctrl-C: drawn over on a terminal, else one
below the other; with --json one object in each line. The exit code is that of the last.

Examples:
  $ signalbox status
  $ signalbox status --watch 5
  $ signalbox status --json | jq -r '.problems[].message'

Exit codes:
  0  every shard has exactly one primary, and every server can be used
  1  a shard has none or several, or a server is out; the answer says why
  2  the command line or the configuration is wrong`

export const shardsHelp = `
For each sharded table and shard, and for all of them together: rows, size on disk with
indexes (where the engine tells), and the share of the shard as a bar; of a hash map also
how many buckets the shard owns. The last line has the largest shard, the smallest, and the
skew: the rows of the largest by those of an average one, so that 1.00 is even.

Rows are counted (select count(*)) on the primaries, table after table on each shard, which
takes a while for large ones. With --estimate the statistics say it: of the last ANALYZE or
autovacuum; a table without any has a question mark.

Examples:
  $ signalbox shards
  $ signalbox shards orders --estimate
  $ signalbox shards --json | jq '.databases[].skew'

Exit codes:
  0  every shard answered
  1  a shard cannot be reached, or lacks a table that others have, or a count failed
  2  the command line or the configuration is wrong`

export const recoverHelp = `
The primary of every shard is asked what is prepared there. A transaction whose log says
commit is committed, everywhere. One of which it says nothing, and that is older than
--older-than, is given up: that is written into the log first, so that a process that is
merely slow rolls back as well. May run at any time, and several times at once: from cron,
for instance, every minute. Clients whose configuration has a transactionLog do it by
themselves.

Examples:
  $ signalbox recover
  $ signalbox recover --log default
  $ signalbox recover --log default --json | jq '.unreachable'

Exit codes:
  0  nothing is left prepared, but for what is younger than --older-than
  1  a server could not be asked, or something is left; the answer says why
  2  the command line or the configuration is wrong`

export const shadowHelp = `
A shadow shows another database's data with local changes laid over it (docs/shadows.md).
Where the configuration has one shadow, it need not be named.

diff compares the rows of the base, as they were when they were first changed here, with
what the shadow shows; --sql prints statements in an order that foreign keys and unique
columns allow. promote makes the same changes on another database, usually the writable
one behind the snapshot: first it compares every row there, shows what it would do, and
asks; then it makes all changes or none. --on-conflict says what becomes of rows that were
changed there since. A replaced table is promoted only if it is named, since rows that
it does not have are deleted. reset and drop ask, too; --yes answers for scripts.

Examples:
  $ signalbox shadow diff
  $ signalbox shadow diff product --sql > changes.sql
  $ signalbox shadow conflicts --json | jq '.rows[].key'
  $ signalbox shadow promote --to shop --preview
  $ signalbox shadow promote product review --to shop --on-conflict ours
  $ signalbox shadow reset --yes

Exit codes:
  0  it is done, or shown
  1  conflicts: there are some; promote: refused, or not confirmed; create, reset, drop:
     refused, or not confirmed
  2  the command line or the configuration is wrong`
