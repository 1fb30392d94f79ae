create table customers (
  id int primary key auto_increment, name varchar(50) not null, email varchar(80) unique, city varchar(40),
  born date, data json, notes text, active tinyint(1) default 1, fulltext key words (notes), key by_city (city));
create table orders (
  id int primary key auto_increment, customer_id int not null, total decimal(10,2), placed datetime, state enum('new','paid','sent'),
  key by_customer (customer_id), key by_placed (placed));
create table items (order_id int, product_id int, qty int, primary key (order_id, product_id));
create table products (id int primary key, name varchar(50), price decimal(8,2), tags json, flags set('a','b','c'), code binary(4));
create table logs (id int, at date, line text, key (id))
  partition by range (id) (partition p0 values less than (100), partition p1 values less than (1000), partition p2 values less than maxvalue);
create table places (id int primary key, g geometry not null, spatial key (g));
create table prices (id int primary key, amount int) with system versioning;
create table stays (id int, since date, till date, period for stay (since, till));
create table tree (id int primary key, parent_id int, label varchar(20));
create table `odd ``name` (`select` int, `a b` int, `1st` int);
create table `rank` (id int, n int);
create view totals as select customer_id, sum(total) as total from orders group by customer_id;
create sequence numbers;
create function plain(x int) returns int deterministic no sql return x + 1;
create function noting(x int) returns int modifies sql data begin insert into tree values (x, null, 'noted'); return x; end;
create procedure reading() reads sql data select count(*) from orders;
create procedure writing() modifies sql data insert into tree values (1, null, 'x');
insert into customers (id, name, email, city, born, data, notes) values
  (1, 'Ada', 'ada@example.org', 'London', '1815-12-10', '{"a": {"b": [1, 2]}, "n": 5}', 'first programmer'), (2, 'Bob', 'bob@example.org', 'Paris', '1990-01-01', '{}', 'none');
insert into orders values (1, 1, 10.50, '2026-01-01 10:00:00', 'new'), (2, 1, 5, '2026-02-01 11:00:00', 'paid'), (3, 2, 7, '2026-03-01 12:00:00', 'sent');
insert into items values (1, 1, 2), (1, 2, 1), (2, 1, 4);
insert into products values (1, 'pen', 1.5, '["x","y"]', 'a', 'abcd'), (2, 'ink', 3, '[]', 'b,c', 'efgh');
insert into logs values (1, '2026-01-01', 'one'), (200, '2026-01-02', 'two');
insert into tree values (1, null, 'root'), (2, 1, 'leaf');
insert into prices values (1, 10);
