-- MySQL, MariaDB
create table customers (
    id int auto_increment primary key,
    first_name varchar(60),
    last_name varchar(60),
    email varchar(120),
    modified_at datetime default current_timestamp
);
create table customer_phones (
    phone_id int auto_increment primary key,
    customer_id integer not null references customers (id),
    kind varchar(10) not null,
    number varchar(30) not null,
    is_primary boolean not null default false,
    position integer not null,
    modified_at datetime default current_timestamp
);
create table customer_tags (
    customer_id integer not null references customers (id),
    label varchar(60) not null,
    modified_at datetime default current_timestamp,
    primary key (customer_id, label)
);
create table interactions (
    interaction_id int auto_increment primary key,
    external_ref varchar(80) not null unique,
    customer_id integer references customers (id),
    direction varchar(3) not null,
    body text not null,
    wamid varchar(128),
    status varchar(12)
);
create table tickets (
    ticket_id int auto_increment primary key,
    external_ref varchar(80) not null unique,
    customer_id integer references customers (id),
    subject varchar(200) not null,
    description text
);
create table outbox (
    outbox_id int auto_increment primary key,
    customer_id integer references customers (id),
    number varchar(30),
    body text not null,
    state integer not null default 0,
    sent_ref varchar(80),
    problem varchar(200),
    created_at datetime default current_timestamp
);
