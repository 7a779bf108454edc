-- MySQL, MariaDB
create table client (
    client_no int auto_increment primary key,
    client_name varchar(80),
    cell varchar(30),
    mail varchar(120),
    labels text,
    ads char(1),
    removed char(1) not null default 'N',
    touched datetime default current_timestamp
);
create table chat (
    chat_no int auto_increment primary key,
    our_ref varchar(80) unique,
    wamid varchar(128) unique,
    client_no integer,
    way varchar(3),
    words text,
    state varchar(12),
    state_at datetime,
    why text,
    typed_at datetime default current_timestamp
);
create table todo (
    todo_no int auto_increment primary key,
    our_ref varchar(80) not null unique,
    client_no integer,
    title varchar(200),
    words text,
    urgency varchar(10),
    since datetime
);
