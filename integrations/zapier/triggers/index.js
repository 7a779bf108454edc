'use strict';

const hook = require('./hook');
const samples = require('../samples');
const changedContact = require('./changed_contact');

const triggers = [
  hook({
    key: 'message_received',
    noun: 'Message',
    label: 'Message Received',
    description: 'Triggers when a customer writes on WhatsApp.',
    event: 'message.received',
    sample: samples.received,
  }),
  hook({
    key: 'message_status',
    noun: 'Message Status',
    label: 'Message Status Changed',
    description: 'Triggers when a message to a customer is sent, delivered, read or failed.',
    event: 'message.status',
    sample: samples.status,
  }),
  hook({
    key: 'contact_created',
    noun: 'Contact',
    label: 'New Contact',
    description: 'Triggers when a customer is known for the first time.',
    event: 'contact.created',
    sample: samples.created,
  }),
  hook({
    key: 'contact_updated',
    noun: 'Contact',
    label: 'Updated Contact',
    description: 'Triggers when something about a customer changes, whoever changed it.',
    event: 'contact.updated',
    sample: samples.updated,
  }),
  hook({
    key: 'handoff_created',
    noun: 'Handoff',
    label: 'Conversation Handed to a Person',
    description: 'Triggers when a conversation needs one of your people, such as a complaint.',
    event: 'handoff.created',
    sample: samples.handoff,
  }),
  changedContact,
];

module.exports = Object.fromEntries(triggers.map((one) => [one.key, one]));
