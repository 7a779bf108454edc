-- SQLite
create table client (
    client_no integer primary key,
    client_name varchar(80),
    cell varchar(30),
    mail varchar(120),
    labels text,
    ads char(1),
    removed char(1) not null default 'N',
    touched timestamp default current_timestamp
);
create table chat (
    chat_no integer primary key,
    our_ref varchar(80) unique,
    wamid varchar(128) unique,
    client_no integer,
    way varchar(3),
    words text,
    state varchar(12),
    state_at timestamp,
    why text,
    typed_at timestamp default current_timestamp
);
create table todo (
    todo_no integer primary key,
    our_ref varchar(80) not null unique,
    client_no integer,
    title varchar(200),
    words text,
    urgency varchar(10),
    since timestamp
);
