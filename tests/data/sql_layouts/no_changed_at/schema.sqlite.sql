-- SQLite
create table "kunden" (
    "kundennr" integer primary key,
    "name" varchar(100) not null,
    "handy" varchar(40),
    "e-mail" varchar(120),
    "geloescht_am" timestamp
);
create table "nachrichten" (
    "wamid" varchar(128) primary key,
    "kunde" integer,
    "richtung" varchar(3),
    "inhalt" text
);
create table "zu_senden" (
    "nr" integer primary key,
    "handy" varchar(40),
    "inhalt" text,
    "kennung" varchar(80)
);
