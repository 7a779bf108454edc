'use strict';

const person = {
  contact_id: 17,
  full_name: '王小明',
  phone: '+886912345678',
  email: 'ming@example.com',
  language: 'zh_TW',
  tags: ['vip'],
  user_id: null,
  crm_ids: { hubspot: '401' },
};

const message = {
  id: 'message-4711',
  event: 'message.received',
  occurred_at: '2026-11-23T10:00:00.000Z',
  message_id: 4711,
  direction: 'in',
  kind: 'text',
  body: '請問訂單 A1001 何時出貨？',
  wamid: 'wamid.HBgMODg2OTEyMzQ1Njc4FQIAEhg',
  status: null,
  ...person,
};

const contact = {
  id: 'contact-17',
  event: 'contact.created',
  occurred_at: '2026-11-23T10:00:00.000Z',
  ...person,
  attributes: { company: 'Formosa Tea' },
  blocked: false,
  unreachable: false,
  transactional: 'granted',
  marketing: 'unknown',
  created_at: '2026-11-23T10:00:00.000Z',
  updated_at: '2026-11-23T10:00:00.000Z',
};

module.exports = {
  received: message,
  status: {
    ...message,
    id: 'message-4712-delivered',
    event: 'message.status',
    direction: 'out',
    body: '您好 王小明，訂單 A1001 已出貨。',
    status: 'delivered',
    error_code: null,
    error_detail: null,
  },
  created: contact,
  updated: { ...contact, id: 'contact-17-1764064800000000', event: 'contact.updated' },
  handoff: {
    id: 'handoff-8',
    event: 'handoff.created',
    occurred_at: '2026-11-23T10:00:00.000Z',
    handoff_id: 8,
    reason: 'complaint',
    rule: 'complaint',
    priority: 'high',
    body: '我要客訴',
    ...person,
  },
  found: {
    id: 17,
    full_name: '王小明',
    phone: '+886912345678',
    email: 'ming@example.com',
    language: 'zh_TW',
    tags: ['vip'],
    blocked: false,
    marketing: 'unknown',
    updated_at: '2026-11-23T10:00:00Z',
  },
};
