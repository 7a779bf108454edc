-- SQLite
create table party (
    party_id integer primary key,
    kind varchar(10) not null,
    display_name varchar(100),
    mobile varchar(40),
    changed timestamp default current_timestamp
);
create table party_mail (
    party_id integer not null references party (party_id),
    address varchar(120) not null,
    preferred boolean not null default false
);
create table party_consent (
    party_id integer primary key references party (party_id),
    promotions varchar(5)
);
create table wa_log (
    ref varchar(80) primary key,
    party_id integer,
    direction varchar(3),
    body text,
    state varchar(12)
);
create table wa_tasks (
    ref varchar(80) primary key,
    party_id integer,
    subject varchar(200),
    body text
);
create table wa_send (
    send_id integer primary key,
    party_id integer not null references party (party_id),
    body text,
    state varchar(10) not null default 'draft',
    ref varchar(80),
    error varchar(300)
);
