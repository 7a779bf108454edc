-- SQLite
create table members (
    member_id char(36) primary key,
    branch varchar(10) not null,
    joined_on date not null,
    points integer not null,
    name varchar(100) not null,
    phone varchar(40) unique,
    email varchar(120) unique,
    tier varchar(10) not null,
    updated_at timestamp default current_timestamp
);
create table member_messages (
    message_ref varchar(80) primary key,
    member_id char(36) references members (member_id),
    direction varchar(3) not null,
    body text not null,
    status varchar(12),
    channel varchar(10) not null default 'whatsapp'
);
create table member_tasks (
    task_ref varchar(80) primary key,
    member_id char(36) references members (member_id),
    subject varchar(200) not null,
    body text not null
);
create table member_outbox (
    code varchar(20) primary key,
    member_id char(36) references members (member_id),
    body text not null,
    status varchar(20),
    ref varchar(80),
    error varchar(100)
);
