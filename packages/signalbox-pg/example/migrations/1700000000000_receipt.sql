-- Up Migration
create table receipt (id integer primary key, text text not null);

-- Down Migration
drop table receipt;
